/** Receives the events of a socket. */
export interface SocketEvents {
  bytes(bytes: Buffer): void
  /** Called once. @param cause undefined if the peer closed properly */
  closed(cause: unknown): void
}

/** A connection to a peer, byte by byte. */
export interface ByteSocket {
  readonly isClosed: boolean
  /** Bytes that were written and that the system has not accepted yet. */
  readonly unsentBytes: number
  /** Sets the receiver of all further events. */
  attach(events: SocketEvents): void
  write(bytes: Uint8Array): void
  pause(): void
  resume(): void
  /** Whether the process waits for the connection before it ends. */
  keepProcess(keeps: boolean): void
  /** Closes the connection after the bytes that the system has accepted. No more events are passed on. */
  end(): void
  /** Closes the connection at once. No more events are passed on. */
  destroy(): void
}

/** Where a connection leads. */
export interface Endpoint {
  /** An IP address. */
  readonly address: string
  readonly port: number
  /** Whether the connection is encrypted. */
  readonly isSecure: boolean
  /** The name that is asked for and that the certificate must have; without it the address itself. */
  readonly serverName?: string
}

/** A connection attempt. */
export interface Connecting {
  /** Rejects with the system's error. */
  readonly socket: Promise<ByteSocket>
  /** Gives the attempt up. Nothing is left open. */
  cancel(): void
}

/** Idle connections, kept for the next request. They do not keep the process running. */
export interface IdleSockets {
  /** The connection that became idle last. Its receiver has to be set again. */
  take(key: string): ByteSocket | undefined
  /** Keeps a connection, or closes it where enough are kept. @param keepMs milliseconds for which the peer keeps it */
  put(key: string, socket: ByteSocket, keepMs?: number): void
}

export interface ServeOptions {
  readonly hostname: string
  /** 0 for any free port. */
  readonly port: number
  /** Seconds a connection may be idle between requests or while its head comes, up to 255. */
  readonly idleSeconds: number
  answer(request: Request): Response | Promise<Response>
}

/** A socket that listens, and the requests on its connections. */
export interface HttpListener {
  readonly port: number
  /** Requests whose responses have not been sent to their end. */
  readonly pendingRequests: number
  /** The address of the peer that sent a request; undefined once it has left. */
  addressOf(request: Request): string | undefined
  /** Sets for how many seconds the connection of a request may be silent; 0 for ever. */
  limitSilence(request: Request, seconds: number): void
  /** Refuses new connections, and resolves when those that are open have ended. */
  stop(): Promise<void>
  /** Closes every connection. */
  kill(): Promise<void>
}

/** Everything that leaves or enters the process by a socket. */
export interface Network {
  /** Every address of a name. @throws the error of the look-up */
  lookUp(hostname: string): Promise<readonly string[]>
  connect(endpoint: Endpoint): Connecting
  readonly idle: IdleSockets
  /** Present if the operator has named an HTTP proxy: then every request of ours to another server goes this way. */
  readonly fetchByProxy?: (url: string, init: BunFetchRequestInit) => Promise<Response>
  /** The IP addresses of the machine itself. */
  ownAddresses(): readonly string[]
  /** How many connections can be open at once; Infinity if that is not known. */
  maxConnections(): number
  /** Starts to listen. @throws when the address cannot be bound */
  serve(options: ServeOptions): HttpListener
  /** Listens for a moment. @returns the system's error code; undefined if it is possible */
  tryToListen(hostname: string, port: number): Promise<string | undefined>
}
