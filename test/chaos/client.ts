import { connect, type Socket } from 'node:net'

export interface Asked {
  readonly model: string
  readonly stream?: boolean
  /** The request's id, which is in the log too. */
  readonly id?: string
  readonly signal?: AbortSignal
}

/** Everything that a client has got at the end. */
export interface Answered {
  readonly status: number
  readonly headers: Headers
  /** The whole body, unchanged. */
  readonly body: string
  /** The chunks of a stream, or the one object of a JSON answer. */
  readonly chunks: readonly Chunk[]
  /** Text of the first choice. */
  readonly text: string
  /** `error.code` of every error in the answer. */
  readonly errors: readonly string[]
  /** How often `[DONE]` came. */
  readonly dones: number
  /** How many keep-alives came. */
  readonly comments: number
}

interface Chunk {
  readonly error?: { readonly code: string; readonly message: string; readonly type: string }
  readonly choices?: readonly {
    readonly delta?: { readonly content?: string | null }
    readonly message?: { readonly content?: string | null }
    readonly finish_reason?: string | null
  }[]
}

/** Asks as a client does, and reads the answer to its end. */
export async function ask(url: string, asked: Asked): Promise<Answered> {
  const response = await request(url, asked)
  return answered(response, await response.text())
}

/** Asks, and returns as soon as the head has come. */
export function request(url: string, { model, stream = true, id, signal }: Asked): Promise<Response> {
  return fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(id && { 'x-request-id': id }) },
    body: bodyOf(model, stream),
    ...(signal && { signal }),
  })
}

function bodyOf(model: string, stream: boolean): string {
  return JSON.stringify({ model, stream, messages: [{ role: 'user', content: 'Hello' }] })
}

/** Reads a body as a strict reader of server-sent events does. */
export function answered({ status, headers }: Pick<Response, 'status' | 'headers'>, body: string): Answered {
  const isStream = headers.get('content-type')?.startsWith('text/event-stream') ?? false
  const blocks = isStream ? body.split('\n\n').filter((block) => block !== '') : []
  const texts = isStream ? blocks.filter((block) => block.startsWith('data: ')).map((block) => block.slice(6)) : [body]
  const chunks = texts.filter((text) => text !== '[DONE]').map((text): Chunk => JSON.parse(text))
  return {
    status,
    headers,
    body,
    chunks,
    text: chunks
      .map((chunk) => chunk.choices?.[0]?.delta?.content ?? chunk.choices?.[0]?.message?.content ?? '')
      .join(''),
    errors: chunks.flatMap(({ error }) => (error ? [error.code] : [])),
    dones: texts.filter((text) => text === '[DONE]').length,
    comments: blocks.filter((block) => block.startsWith(':')).length,
  }
}

/** A client that uses a socket directly, so that it chooses when to read and how to leave. */
export interface RawClient {
  readonly socket: Socket
  /** Everything that has come so far. */
  text(): string
  /** Resolves when the connection is closed. */
  readonly closed: Promise<void>
}

/** Sends a streaming request on a new connection. */
export function askRaw(url: string, model: string): RawClient {
  const { port, hostname, host } = new URL(url)
  const body = bodyOf(model, true)
  const closed = Promise.withResolvers<void>()
  const parts: Buffer[] = []
  const socket = connect(Number(port), hostname)
  socket.on('error', () => undefined)
  socket.on('close', () => closed.resolve())
  socket.on('data', (part: Buffer) => parts.push(part))
  socket.write(
    `POST /v1/chat/completions HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\ncontent-type: application/json\r\n` +
      `content-length: ${body.length}\r\n\r\n${body}`,
  )
  return { socket, text: () => Buffer.concat(parts).toString(), closed: closed.promise }
}

/** Asks without `fetch`, because a process can only have 256 concurrent fetches. */
export async function askByHand(url: string, model: string): Promise<Answered> {
  const client = askRaw(url, model)
  await client.closed
  const [head = '', ...rest] = client.text().split('\r\n\r\n')
  const [statusLine = '', ...lines] = head.split('\r\n')
  const headers = new Headers(
    lines.map((line): [string, string] => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()]),
  )
  const body = rest.join('\r\n\r\n')
  return answered(
    { status: Number(statusLine.split(' ')[1]), headers },
    headers.has('content-length') ? body : dechunked(Buffer.from(body)),
  )
}

/** Decodes a chunked body that has ended well. */
function dechunked(body: Buffer): string {
  const parts: Buffer[] = []
  for (let at = 0; ; ) {
    const lineEnd = body.indexOf('\r\n', at)
    const length = Number.parseInt(body.toString('latin1', at, lineEnd), 16)
    if (Number.isNaN(length)) throw new Error('the chunked body broke off')
    if (length === 0) return Buffer.concat(parts).toString()
    parts.push(body.subarray(lineEnd + 2, lineEnd + 2 + length))
    at = lineEnd + 2 + length + 2
  }
}
