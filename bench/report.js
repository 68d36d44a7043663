export function report() {}
export function table(r) {
  return (
    JSON.stringify(
      r.samples &&
        Object.fromEntries(
          Object.entries(r.samples).map(([k, v]) => [
            k,
            Object.fromEntries(
              Object.entries(v).map(([s, l]) => [
                s,
                l
                  .map((x) =>
                    [+x.toBare.toFixed(2), +x.p99.toFixed(1), Math.round(x.cpuMicroseconds)].join(
                      '/',
                    ),
                  )
                  .join(' '),
              ]),
            ),
          ]),
        ),
      null,
      1,
    ) +
    JSON.stringify(
      { u: r.unknownKids, c: r.connections, m: r.memory, i: r.import, g: r.growth },
      null,
      1,
    )
  );
}
