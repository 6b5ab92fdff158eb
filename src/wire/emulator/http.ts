import { createServer, type Server, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'

/** A request as an emulator sees it. */
export interface EmulatedRequest {
  readonly method: string
  /** Path and query. */
  readonly path: string
  readonly headers: Headers
  readonly body: string
  /** The bytes of the body. */
  readonly bytes: Uint8Array<ArrayBuffer>
}

/**
 * The emulator's side of one exchange. It sends exactly the bytes that are written. An exchange without `end`, `finish` or
 * `reset` stays open, as on a silent server.
 */
export interface EmulatedExchange {
  readonly request: EmulatedRequest
  /** Resolves when the client closes the connection, with the time of `performance.now()`. */
  readonly closed: Promise<number>
  /** Whether the connection is still open. Writes to a closed connection do nothing. */
  isOpen(): boolean
  /** Writes the head of a chunked reply. */
  head(status: number, headers?: Readonly<Record<string, string>>): void
  /** Writes one chunk. Resolves when the client can take more, so that a slow client slows the emulator down. */
  chunk(bytes: string | Uint8Array): Promise<void>
  /** Ends a chunked reply properly. */
  end(): void
  /** Writes a whole reply with a content-length. */
  reply(status: number, body: string, headers?: Readonly<Record<string, string>>): void
  /** Writes bytes unchanged; the head has to be among them. */
  raw(bytes: string | Uint8Array): Promise<void>
  /** Closes with FIN, even if the reply is incomplete. */
  finish(): void
  /** Closes with RST. */
  reset(): void
  /** Switches the connection to another protocol: `take` gets the client's bytes from now on. */
  upgrade(take: (bytes: Buffer) => void): void
}

/** What an emulator needs of a connection. */
export interface EmulatorSocket extends Pick<Duplex, 'destroyed' | 'write' | 'end' | 'on' | 'off'> {
  /** Closes with RST. */
  resetAndDestroy(): unknown
}

export interface HttpEmulator {
  /** `http://127.0.0.1:PORT` */
  readonly origin: string
  readonly requests: readonly EmulatedRequest[]
  /** How many connections were accepted so far. */
  acceptedConnections(): number
  /** How many connections carry a request now; idle ones are not counted. */
  openConnections(): number
  /** Closes every connection with FIN, as a server does with idle connections. */
  hangUp(): void
  close(): Promise<void>
}

/** Starts a server on a free port of 127.0.0.1; `answer` writes each reply. */
export async function emulateHttp(answer: (exchange: EmulatedExchange) => void | Promise<void>): Promise<HttpEmulator> {
  const sockets = new Set<Socket>()
  const busy = new Set<Socket>()
  let accepted = 0
  const requests: EmulatedRequest[] = []
  // without Nagle's delay two writes are two packets, so that a test chooses where the bytes are split
  const server = createServer({ noDelay: true }, (socket) => {
    accepted++
    sockets.add(socket)
    socket.on('close', () => {
      sockets.delete(socket)
      busy.delete(socket)
    })
    socket.on('error', () => undefined)
    cutRequests(socket, (exchange) => {
      requests.push(exchange.request)
      busy.add(socket)
      void answer(releasing(exchange, () => busy.delete(socket)))
    })
  })
  const port = await listen(server)
  return {
    origin: `http://127.0.0.1:${port}`,
    requests,
    acceptedConnections: () => accepted,
    openConnections: () => busy.size,
    hangUp: () => {
      for (const socket of sockets) socket.end()
    },
    close: () => {
      for (const socket of sockets) socket.destroy()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}

/** Returns the same exchange, but it calls `release` when its reply is complete. */
function releasing(exchange: EmulatedExchange, release: () => void): EmulatedExchange {
  return {
    ...exchange,
    end() {
      release()
      exchange.end()
    },
    reply(status, body, headers) {
      release()
      exchange.reply(status, body, headers)
    },
  }
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, resolve))
  const address = server.address()
  return address && typeof address === 'object' ? address.port : 0
}

/** Answers the requests on a connection, which may be a socket or in memory. */
export function answerOn(socket: EmulatorSocket, answer: (exchange: EmulatedExchange) => void | Promise<void>): void {
  socket.on('error', () => undefined)
  cutRequests(socket, (exchange) => void answer(exchange))
}

/** Cuts the bytes of a kept-alive connection into requests. */
function cutRequests(socket: EmulatorSocket, begin: (exchange: EmulatedExchange) => void): void {
  let buffer: Buffer = Buffer.alloc(0)
  let take: ((bytes: Buffer) => void) | undefined
  const closed = new Promise<number>((resolve) => socket.on('close', () => resolve(performance.now())))
  socket.on('data', (bytes: Buffer) => {
    if (take) return take(bytes)
    buffer = buffer.length === 0 ? bytes : Buffer.concat([buffer, bytes])
    for (let taken = takeRequest(buffer); taken; taken = takeRequest(buffer)) {
      buffer = buffer.subarray(taken.length)
      begin({
        ...exchangeOn(socket, taken.request, closed),
        upgrade(by) {
          take = by
          if (buffer.length > 0) take(buffer)
        },
      })
    }
  })
}

function takeRequest(buffer: Buffer): { request: EmulatedRequest; length: number } | undefined {
  const headEnd = buffer.indexOf('\r\n\r\n')
  if (headEnd === -1) return undefined
  const [requestLine = '', ...lines] = buffer.toString('latin1', 0, headEnd).split('\r\n')
  const [method = '', path = ''] = requestLine.split(' ')
  const headers = new Headers()
  for (const line of lines) headers.append(line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim())
  const length = headEnd + 4 + Number(headers.get('content-length') ?? 0)
  if (buffer.length < length) return undefined
  const bytes = Uint8Array.from(buffer.subarray(headEnd + 4, length))
  // the bytes of a file are no text
  const body = headers.get('content-type')?.startsWith('multipart/') ? '' : buffer.toString('utf8', headEnd + 4, length)
  return { request: { method, path, headers, body, bytes }, length }
}

function exchangeOn(
  socket: EmulatorSocket,
  request: EmulatedRequest,
  closed: Promise<number>,
): Omit<EmulatedExchange, 'upgrade'> {
  const raw = (bytes: string | Uint8Array): Promise<void> => {
    if (socket.destroyed || socket.write(bytes)) return Promise.resolve()
    return new Promise((resolve) => {
      const goOn = () => {
        socket.off('drain', goOn)
        socket.off('close', goOn)
        resolve()
      }
      socket.on('drain', goOn)
      socket.on('close', goOn)
    })
  }
  return {
    request,
    closed,
    isOpen: () => !socket.destroyed,
    raw,
    head: (status, headers = {}) => void raw(`${headText(status, headers)}transfer-encoding: chunked\r\n\r\n`),
    chunk: (bytes) => raw(chunkBytes(bytes)),
    end: () => void raw('0\r\n\r\n'),
    reply: (status, body, headers = {}) =>
      void raw(`${headText(status, headers)}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`),
    finish: () => void socket.end(),
    reset: () => void socket.resetAndDestroy(),
  }
}

function headText(status: number, headers: Readonly<Record<string, string>>): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  return `HTTP/1.1 ${status} Emulated\r\n${lines.join('')}`
}

function chunkBytes(bytes: string | Uint8Array): Uint8Array {
  const content = Buffer.from(bytes)
  return Buffer.concat([Buffer.from(`${content.length.toString(16)}\r\n`), content, Buffer.from('\r\n')])
}
