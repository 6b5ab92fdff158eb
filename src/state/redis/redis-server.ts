import type { Secret } from '../../chat/secret.ts'

/** Where a Redis or Valkey is, and which part of it is ours. */
export interface RedisServer {
  /** A host and a port, or the path of a Unix socket. */
  readonly address:
    | { readonly host: string; readonly port: number; readonly isTls: boolean }
    | { readonly path: string }
  readonly user?: string
  readonly password?: Secret
  readonly database: number
  /** All our keys and channels begin with it. */
  readonly prefix: string
}
