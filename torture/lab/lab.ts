import { ClientConnection } from '../client/connection.ts'
import { pathOf } from '../talk/surface.ts'
import { type Answer, type Talk, user } from '../talk/talk.ts'
import type { Script, UpstreamExchange } from '../upstream/exchange.ts'
import type { Upstream } from '../upstream/server.ts'
import { Conversation, clientDialects, type Got } from './conversation.ts'
import { Failure } from './failure.ts'
import type { Lane, Target } from './target.ts'
import { within } from './waiting.ts'

/** How long and how much is tried. */
export type Effort = 'quick' | 'full'

export interface Ask {
  readonly talk?: Talk
  /** The default is a stream. */
  readonly isStream?: boolean
  /** What the upstream does, or answers. */
  readonly script?: Script | Answer
  /** More members of the body. */
  readonly members?: Readonly<Record<string, unknown>>
  readonly fields?: Readonly<Record<string, string>>
  /** The body's bytes, in place of a request in the surface's dialect. */
  readonly body?: string
  /** The token of a script that `upstream.script` gave, in place of `script`. */
  readonly token?: string
  /** The connection to use again. */
  readonly connection?: ClientConnection
}

export const hello: Answer = {
  pieces: [{ text: 'Hello from the upstream.', deltas: 4 }],
  end: 'stop',
  usage: { input: 11, output: 7 },
}

/** Milliseconds after which an answer is given up. */
const patienceMs = 15_000

/** What a check works with: the client's side and the upstream's side of one lane of the gateway under test. */
export class Lab {
  readonly target: Target
  readonly lane: Lane
  readonly upstream: Upstream
  readonly effort: Effort
  readonly #conversations: Conversation[] = []

  constructor(target: Target, lane: Lane, options: { readonly upstream: Upstream; readonly effort: Effort }) {
    this.target = target
    this.lane = lane
    this.upstream = options.upstream
    this.effort = options.effort
  }

  /** The last conversation, whose bytes are the evidence of a failure that names none. */
  get last(): Conversation | undefined {
    return this.#conversations.at(-1)
  }

  connect(): ClientConnection {
    return new ClientConnection(this.target.url)
  }

  /** Sends a request and does not wait. */
  begin(ask: Ask = {}): Conversation {
    const { script = hello } = ask
    const { token, exchanges } =
      ask.token === undefined
        ? this.upstream.script(typeof script === 'function' ? script : answering(script))
        : { token: ask.token, exchanges: [] }
    return this.#send(this.#request(ask, token), ask.connection ?? this.connect(), exchanges)
  }

  /** Sends bytes as they are. */
  sendRaw(bytes: Buffer): Conversation {
    return this.#send(bytes, this.connect(), [])
  }

  #send(bytes: Buffer, connection: ClientConnection, exchanges: readonly UpstreamExchange[]): Conversation {
    const conversation = new Conversation(connection, this.lane.surface, exchanges)
    this.#conversations.push(conversation)
    connection.request(bytes, conversation)
    return conversation
  }

  /** Sends a request and reads the reply to its end. @throws Failure if there is none */
  async ask(ask: Ask = {}): Promise<Got & { readonly conversation: Conversation }> {
    const conversation = this.begin(ask)
    const got = await this.finish(conversation)
    if (!ask.connection) conversation.connection.leave()
    return { ...got, conversation }
  }

  async finish(conversation: Conversation, ms = patienceMs): Promise<Got> {
    const got = await within(conversation.got, ms)
    if (got) return got
    conversation.connection.leave()
    throw new Failure(`there is no end of the answer after ${ms / 1000} s`, conversation)
  }

  /** Waits for the attempt with this number. @throws Failure if the upstream is not asked */
  async asked(conversation: Conversation, attempt = 0, ms = patienceMs): Promise<UpstreamExchange> {
    const found = Promise.withResolvers<UpstreamExchange>()
    const look = () => {
      const exchange = conversation.exchanges[attempt]
      if (exchange) found.resolve(exchange)
    }
    const stop = this.upstream.onChange(look)
    look()
    const exchange = await within(Promise.race([found.promise, conversation.got.then(() => undefined)]), ms)
    stop()
    if (exchange) return exchange
    throw new Failure(`the upstream was not asked (status ${conversation.status})`, conversation)
  }

  /** Leaves all connections that are still open, and forgets the conversations. */
  close(): void {
    for (const { connection } of this.#conversations) connection.leave()
    this.#conversations.length = 0
  }

  /** The headers that let a client in. */
  get credentials(): Readonly<Record<string, string>> {
    const { key } = this.target
    if (this.lane.surface !== 'messages') return key === undefined ? {} : { authorization: `Bearer ${key}` }
    return { 'anthropic-version': '2023-06-01', ...(key !== undefined && { 'x-api-key': key }) }
  }

  /** Writes a request. A field with an empty value is left out. */
  rawRequest(body: string | Buffer, fields: Readonly<Record<string, string>> = {}, method = 'POST'): Buffer {
    const { host, pathname } = new URL(this.target.url)
    const path = pathname.replace(/\/$/, '') + pathOf[this.lane.surface]
    const bytes = Buffer.from(body)
    const all = {
      ...{ host, 'content-type': 'application/json', accept: '*/*', 'content-length': String(bytes.length) },
      ...this.credentials,
      ...this.target.fields,
      ...this.lane.fields,
      ...fields,
    }
    const lines = Object.entries(all).flatMap(([name, value]) => (value === '' ? [] : [`${name}: ${value}\r\n`]))
    return Buffer.concat([Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n`), bytes])
  }

  #request({ talk, isStream = true, members, fields, body }: Ask, token: string): Buffer {
    const { surface, model } = this.lane
    const written = clientDialects[surface].write(withToken(talk ?? { turns: [user('Hello?')] }, token))
    const wantsUsage = surface === 'chat' && isStream
    const whole = {
      ...{ model, ...written, stream: isStream },
      ...(wantsUsage && { stream_options: { include_usage: true } }),
      ...members,
    }
    return this.rawRequest(body ?? JSON.stringify(whole), fields)
  }
}

const answering =
  (answer: Answer): Script =>
  (exchange) =>
    exchange.answer(answer)

/** Puts the script's token into the last words of the user. */
function withToken(talk: Talk, token: string): Talk {
  const at = talk.turns.findLastIndex(({ by }) => by === 'user')
  const turn = talk.turns[at]
  if (!turn || turn.by === 'tools') throw new Error('the talk has no words of a user')
  const marked = { ...turn, pieces: [...turn.pieces, { text: ` ${token}` }] }
  return { ...talk, turns: talk.turns.with(at, marked) }
}
