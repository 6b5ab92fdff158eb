import type { ClockCheck } from './clock-check.ts'

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
  /** Sets whether the process waits for the connection before it ends. */
  keepProcess(keeps: boolean): void
  /**
   * Closes the connection after the system has sent the bytes that it has accepted. The receiver gets no more events.
   */
  end(): void
  /** Closes the connection at once. The receiver gets no more events. */
  destroy(): void
}

/** The peer to which a connection is made. */
export interface Endpoint {
  /** An IP address. */
  readonly address: string
  readonly port: number
  /** Whether the connection is encrypted. */
  readonly isSecure: boolean
  /** The name that TLS sends to the server, and that its certificate must have. The default is the address. */
  readonly serverName?: string
}

/** A connection attempt. */
export interface Connecting {
  /** Rejects with the system's error. */
  readonly socket: Promise<ByteSocket>
  /** Ends the attempt, and closes everything that it has opened. */
  cancel(): void
}

/** Idle connections, kept for the next request. They do not keep the process running. */
export interface IdleSockets {
  /** Removes and returns the connection that became idle last. The caller must attach a new receiver. */
  take(key: string): ByteSocket | undefined
  /**
   * Keeps a connection, or closes it if enough are kept already.
   * @param keepMs milliseconds for which the peer keeps it
   */
  put(key: string, socket: ByteSocket, keepMs?: number): void
  /** Closes all connections with this key. */
  drop(key: string): void
}

export interface ServeOptions {
  readonly hostname: string
  /** 0 for any free port. */
  readonly port: number
  /**
   * Whether other processes may listen on the port already. The system gives each connection to one of them. If not, a port
   * that somebody uses is an error.
   */
  readonly sharesPort: boolean
  /**
   * The seconds that a connection may be idle between requests, or while the head of a request arrives. At most 255.
   */
  readonly idleSeconds: number
  /** Routes that the listener finds itself. */
  readonly routes: readonly ServedRoute[]
  /** Answers requests at all other paths, and with other methods. */
  answer(request: Request): Response | Promise<Response>
}

/** A method and a path as it is sent, without a pattern. HEAD is GET without the body. */
export interface ServedRoute {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly path: string
  answer(request: Request): Response | Promise<Response>
}

/** Takes the text of a response's body, or its bytes. */
export interface BodySink {
  /** Writes text. Returns a promise if the client must take bytes first; it settles when it has, or when it has left. */
  write(text: string | Uint8Array): Promise<unknown> | undefined
  /** Writes the last text. */
  end(text: string): void
  /** Breaks the connection off. */
  fail(error: unknown): void
}

/** Writes the body of a response. */
export interface BodyWriter {
  /** Called once, when the body may begin. It is not called if the client leaves before. */
  start(sink: BodySink): void
  /** Called when the client has left before the end. */
  left(): void
}

/** Some of the sockets that listen on one port. */
export interface SocketRange {
  /** The number of the first one, from 0. */
  readonly first: number
  readonly count: number
}

/** A server that listens for HTTP requests. */
export interface HttpListener {
  readonly port: number
  /** Number of requests whose responses have not been sent completely. */
  readonly pendingRequests: number
  /** The address of the peer that sent a request; undefined after the peer has left. */
  addressOf(request: Request): string | undefined
  /** Sets the number of seconds that the connection of a request may be silent; 0 means no limit. */
  limitSilence(request: Request, seconds: number): void
  /** How many connections are open; undefined if the system does not say. */
  openConnections(): number | undefined
  /**
   * Sends all new connections to some of the sockets of the port, which are numbered in the order in which they began to
   * listen. It is possible on Linux.
   * @returns whether the system does it
   */
  steer(to: SocketRange): boolean
  /** Stops listening, but leaves all open connections as they are. It is possible on Linux. */
  leavePort(): void
  /** Refuses new connections, and resolves when all open connections have ended. */
  stop(): Promise<void>
  /** Closes every connection. */
  kill(): Promise<void>
}

/** The only way in which the process uses sockets. */
export interface Network {
  /** Returns every address of a host name. @throws the error of the look-up */
  lookUp(hostname: string): Promise<readonly string[]>
  connect(endpoint: Endpoint): Connecting
  readonly idle: IdleSockets
  /** What other hosts have said about the time. */
  readonly clocks: ClockCheck
  /** Present if the operator has set an HTTP proxy. Then every request to another server goes through it. */
  readonly fetchByProxy?: (url: string, init: BunFetchRequestInit) => Promise<Response>
  /** The IP addresses of the machine itself. */
  ownAddresses(): readonly string[]
  /** How many connections can be open at once; Infinity if that is not known. */
  maxConnections(): number
  /** Makes the body of a response, which is written as fast as its client takes it (docs/decisions/0044-direct-bodies.md). */
  writtenBody(writer: BodyWriter): ReadableStream<Uint8Array>
  /** Starts to listen. @throws when the address cannot be bound */
  serve(options: ServeOptions): HttpListener
  /** Tries to listen, and stops at once. @returns the system's error code; undefined if the attempt succeeds */
  tryToListen(hostname: string, port: number): Promise<string | undefined>
}
