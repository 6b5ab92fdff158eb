import type { SupabaseEmulator } from '../../../sign-in/emulator/supabase.ts'
import type { EmulatedExchange } from '../../../wire/emulator/http.ts'
import { pause } from '../../../wire/emulator/pause.ts'
import { play, type Script } from '../../../wire/emulator/script.ts'
import {
  type Admission,
  acceptSocketIo,
  type EmulatedSocketIo,
  type SocketIoPulse,
} from '../../../wire/emulator/socketio.ts'
import { jsonOrUndefined } from '../../../wire/json.ts'
import { frame } from '../../../wire/websocket-frames.ts'
import { type AnswerForm, answerFrames } from './answer.ts'
import { PromptBody, RunBody } from './body.ts'

/** How a run is answered. */
export interface RunScript {
  /** The reply to the request, in place of a success; then no run is made. */
  readonly refusal?: Script
  /** The run's name in the reply; by default its own name. `untold` leaves it out. */
  readonly job?: string | 'untold'
  /** The form of the emulator's own answer. */
  readonly form?: AnswerForm
  /**
   * The bytes of the answer, sent on the newest connection only, because they may be cut anywhere and break the connection.
   * A string is a text frame. `end` leaves the connection open.
   */
  readonly answer?: Pick<Script, 'body' | 'paceMs' | 'endDelayMs' | 'ending'>
  /** Whether the answer is sent before the reply. */
  readonly isEarly?: boolean
}

export interface RunServerOptions {
  /** Prompts that exist at the start; `LANGFAST_PROMPT_ID` names one. */
  readonly promptIds?: readonly string[]
  /** Chooses how a run is answered. If it returns undefined, the emulator sends its own answer. */
  readonly reply?: (model: string) => RunScript | undefined
  /** Chooses whether a client with a valid token is admitted; `yes` by default. */
  readonly admit?: (line: EmulatedSocketIo) => Admission
  readonly pulse?: SocketIoPulse
}

type Answered = 'answered' | 'silent'

/** Everything after the sign-in: prompts, runs, and the connections for answers. */
export class RunServer {
  readonly runs: RunBody[] = []
  readonly prompts: string[] = []
  readonly lines: EmulatedSocketIo[] = []
  readonly #options: RunServerOptions
  readonly #users = new Map<EmulatedSocketIo, string>()
  readonly #unanswered = new Set<EmulatedExchange>()
  #project: SupabaseEmulator | undefined

  constructor(options: RunServerOptions) {
    this.#options = options
  }

  /** Accepts the tokens of this project. */
  trust(project: SupabaseEmulator): void {
    this.#project = project
  }

  /** How many requests are not answered yet. */
  unanswered(): number {
    return this.#unanswered.size
  }

  connect(exchange: EmulatedExchange): void {
    const { admit = () => 'yes', pulse } = this.#options
    const line = acceptSocketIo(exchange, {
      admit: (auth, to) => {
        const user = this.#userOf(tokenIn(auth))
        if (user === undefined) return { message: 'Not authorized' }
        this.#users.set(to, user)
        return admit(to)
      },
      ...(pulse && { pulse }),
    })
    if (!line) return
    this.lines.push(line)
    void line.socket.closed.then(() => this.#users.delete(line))
  }

  async serve(exchange: EmulatedExchange): Promise<void> {
    this.#unanswered.add(exchange)
    void exchange.closed.then(() => this.#unanswered.delete(exchange))
    if ((await this.#serve(exchange)) === 'answered') this.#unanswered.delete(exchange)
  }

  async #serve(exchange: EmulatedExchange): Promise<Answered> {
    const { path, headers } = exchange.request
    const user = this.#userOf(headers.get('authorization')?.replace(/^Bearer /, ''))
    if (!headers.has('apikey')) return replyJson(exchange, 401, { message: 'No API key found in request' })
    if (headers.get('apikey') !== this.#project?.anonKey)
      return replyJson(exchange, 401, { message: 'Invalid API key' })
    if (user === undefined) return replyJson(exchange, 401, { code: 401, message: 'Invalid JWT' })
    if (path === '/rest/v1/rpc/create_prompt') return this.#makePrompt(exchange)
    if (path === '/functions/v1/initiate-prompt-run') return this.#run(exchange, user)
    return replyJson(exchange, 404, { error: 'requested path is invalid' })
  }

  #userOf(token: string | undefined): string | undefined {
    const sub = token ? this.#project?.verify(token)?.sub : undefined
    return typeof sub === 'string' ? sub : undefined
  }

  /** Makes a prompt, and replies as PostgREST does. */
  #makePrompt(exchange: EmulatedExchange): Answered {
    const { success, error } = PromptBody.safeParse(jsonOrUndefined(exchange.request.body))
    const message = 'Could not find the function public.create_prompt'
    if (!success) return replyJson(exchange, 404, { code: 'PGRST202', details: error.message, hint: null, message })
    const id = crypto.randomUUID()
    this.prompts.push(id)
    return replyJson(exchange, 200, id)
  }

  async #run(exchange: EmulatedExchange, user: string): Promise<Answered> {
    const { data: body, error } = RunBody.safeParse(jsonOrUndefined(exchange.request.body))
    if (!body) return replyJson(exchange, 400, { error: error?.issues[0]?.message })
    const complaint = this.#complaintOf(body, user)
    if (complaint) return replyJson(exchange, ...complaint)
    this.runs.push(body)
    const script = this.#options.reply?.(body.prompt_meta.model) ?? {}
    if (script.refusal) {
      await play(exchange, script.refusal)
      return script.refusal.ending === 'stall' ? 'silent' : 'answered'
    }
    if (script.isEarly) await this.#answer(user, body, script)
    const jobs = script.job === 'untold' ? {} : { jobs: [{ job_id: script.job ?? jobOf(body) }] }
    const answered = replyJson(exchange, 200, { run_id: body.run_id, ...jobs })
    if (!script.isEarly) void this.#answer(user, body, script)
    return answered
  }

  #complaintOf(body: RunBody, user: string): readonly [number, object] | undefined {
    if (body.created_by !== user) return [403, { error: 'created_by is somebody else' }]
    const prompts = [...(this.#options.promptIds ?? []), ...this.prompts]
    if (!prompts.includes(body.prompt_id)) return [404, { error: 'Prompt not found' }]
    return this.runs.some(({ run_id: id }) => id === body.run_id) ? [409, { error: 'The run exists' }] : undefined
  }

  /** Sends the answer to all connections of the user. It keeps nothing for later connections. */
  async #answer(user: string, body: RunBody, { answer, form, job }: RunScript): Promise<void> {
    const lines = [...this.#users].filter(([line, of]) => line.isIn() && of === user).map(([line]) => line)
    const last = lines.at(-1)
    if (answer) {
      if (last) await sendScript(last, answer)
      return
    }
    const id = job && job !== 'untold' ? job : jobOf(body)
    for (const text of answerFrames(id, body.prompt_meta, form)) for (const line of lines) void line.frame(text)
  }
}

async function sendScript({ socket }: EmulatedSocketIo, answer: NonNullable<RunScript['answer']>): Promise<void> {
  for await (const part of answer.body ?? []) {
    if (answer.paceMs) await Bun.sleep(answer.paceMs)
    if (!socket.isOpen()) return
    await socket.raw(typeof part === 'string' ? frame(part) : part)
  }
  if (answer.endDelayMs) await pause(answer.endDelayMs)
  if (answer.ending === 'rst') socket.reset()
  if (answer.ending === 'fin') socket.finish()
}

function jobOf({ run_id: id }: RunBody): string {
  return `job-${id}`
}

function tokenIn(auth: unknown): string | undefined {
  const isNamed = typeof auth === 'object' && auth && 'token' in auth
  return isNamed && typeof auth.token === 'string' ? auth.token : undefined
}

function replyJson(exchange: EmulatedExchange, status: number, body: unknown): Answered {
  exchange.reply(status, JSON.stringify(body), { 'content-type': 'application/json' })
  return 'answered'
}
