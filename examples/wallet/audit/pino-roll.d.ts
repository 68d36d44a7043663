/** pino-roll has no types of its own. */
declare module 'pino-roll' {
  import type { DestinationStream } from 'pino';

  export interface RollingFile extends DestinationStream {
    end(): void;
    once(event: 'close', listener: () => void): this;
  }

  export default function pinoRoll(options: {
    file: string;
    size?: string;
    limit?: { count: number };
    mkdir?: boolean;
    sync?: boolean;
  }): Promise<RollingFile>;
}
