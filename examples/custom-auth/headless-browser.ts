/**
 * As much of a browser as signing in takes: cookies, redirects and forms.
 */

/** The input of the user into a form, by field. */
export type FillIn = (page: string) => Readonly<Record<string, string>>;

export interface HeadlessBrowser {
  /**
   * Opens a page, and submits every form it is shown, until it is sent to an address that begins
   * with `until`, which it does not open.
   */
  visit(url: string, until: string, fillIn: FillIn): Promise<URL>;
}

export function openBrowser(): HeadlessBrowser {
  const cookies = new Map<string, string>();

  async function request(url: URL, form?: URLSearchParams): Promise<Response> {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const response = await fetch(url, {
      redirect: 'manual',
      headers: { cookie },
      ...(form && { method: 'POST', body: form }),
    });
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (value === '') cookies.delete(name);
      else cookies.set(name, value);
    }
    return response;
  }

  return {
    async visit(start, until, fillIn) {
      let url = new URL(start);
      let form: URLSearchParams | undefined;
      while (!url.href.startsWith(until)) {
        const response = await request(url, form);
        const location = response.headers.get('location');
        form = undefined;
        if (location !== null) {
          url = new URL(location, url);
          continue;
        }
        const page = await response.text();
        const tag = /<form[^>]*>/.exec(page)?.[0];
        if (tag === undefined) throw new Error(`${response.status} at ${url.pathname}: ${page}`);
        url = new URL(/action="([^"]*)"/.exec(tag)?.[1] ?? url.href, url);
        form = new URLSearchParams({ ...hiddenFields(page), ...fillIn(page) });
      }
      return url;
    },
  };
}

function hiddenFields(page: string): Record<string, string> {
  return Object.fromEntries(
    [...page.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)].map(
      ([, name = '', value = '']) => [name, value],
    ),
  );
}
