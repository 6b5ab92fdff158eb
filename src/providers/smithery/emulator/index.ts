import {
  emulateSupabase,
  type SupabaseEmulator,
  type SupabaseEmulatorOptions,
} from '../../../sign-in/emulator/supabase.ts'
import { type EmulatedExchange, emulateHttp, type HttpEmulator } from '../../../wire/emulator/http.ts'
import { play, type Script } from '../../../wire/emulator/script.ts'
import { type ScriptedChats, scriptedChats } from '../../../wire/emulator/scripted-chats.ts'
import { jsonOrUndefined } from '../../../wire/json.ts'
import { sseData } from '../../../wire/sse.ts'
import { answerTo, type Chunk } from './answer.ts'
import { complaintAbout, SmitheryBody } from './body.ts'
import { accessTokenIn } from './cookies.ts'

export interface SmitheryEmulator extends HttpEmulator, ScriptedChats<SmitheryBody> {
  /** The sign-in service of its users. */
  readonly supabase: SupabaseEmulator
  /** The variables for a gateway that uses this emulator, with an account for each session. */
  readonly variables: Readonly<Record<string, string>>
}

export interface SmitheryEmulatorOptions {
  /** The number of sessions at the start; 1 by default. */
  readonly accounts?: number
  readonly supabase?: SupabaseEmulatorOptions
  /** Milliseconds between the chunks of its own answers; 0 by default. */
  readonly paceMs?: number
  /**
   * Chooses a script by the request, for tests with several requests at once. If it returns undefined, `script` and the
   * model decide.
   */
  readonly reply?: (chat: SmitheryBody) => Script | undefined
}

/**
 * The playground of smithery.ai over real sockets, with its Supabase sign-in. It is as strict as the service about cookies,
 * tokens, the page that asks, and the shape of a request. It answers `You said: …`. If the request has tools and the
 * user says `call NAME NAME …`, it calls those tools with `{"city":"Paris"}`. A script makes it do anything else.
 */
export async function emulateSmithery(options: SmitheryEmulatorOptions = {}): Promise<SmitheryEmulator> {
  const supabase = await emulateSupabase(options.supabase)
  const chats = scriptedChats<SmitheryBody>()
  const emulator = await emulateHttp((exchange) => {
    const refusal = refusalOf(exchange, supabase)
    if (refusal) return refuse(exchange, ...refusal)
    const chat = readBody(exchange.request.body)
    if (typeof chat === 'string') return refuse(exchange, 400, chat)
    const script = chats.record(exchange, chat, () => options.reply?.(chat))
    const body = answerTo(chat).map(smitheryChunk)
    return play(exchange, script ?? { headers: streamHeaders, body: [...body, done], paceMs: options.paceMs ?? 0 })
  })
  const sessions = Array.from({ length: options.accounts ?? 1 }, () => supabase.signIn())
  return {
    ...emulator,
    supabase,
    ...chats.seen,
    variables: {
      ...Object.fromEntries(sessions.map((session, at) => [`SMITHERY_COOKIE_${at + 1}`, JSON.stringify(session)])),
      SMITHERY_BASE_URL: emulator.origin,
      SMITHERY_SUPABASE_URL: supabase.origin,
      SMITHERY_SUPABASE_ANON_KEY: supabase.anonKey,
    },
    close: async () => {
      await Promise.all([emulator.close(), supabase.close()])
    },
  }
}

/** Writes a chunk. AI SDK, UI message stream: only `data:`, no event type */
export function smitheryChunk(chunk: Chunk): string {
  return sseData(JSON.stringify(chunk))
}

/** The last event of an answer. */
const done = sseData('[DONE]')

const streamHeaders = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-cache',
  'x-vercel-ai-ui-message-stream': 'v1',
  'x-accel-buffering': 'no',
}

/** The refusal of a request; undefined if it is accepted. */
function refusalOf({ request }: EmulatedExchange, supabase: SupabaseEmulator): readonly [number, string] | undefined {
  const { method, path, headers } = request
  if (path !== '/api/chat') return [404, 'Not Found']
  if (method !== 'POST') return [405, 'Method Not Allowed']
  const cookieName = `sb-${new URL(supabase.origin).hostname.split('.')[0]}-auth-token`
  const token = accessTokenIn(headers.get('cookie') ?? '', cookieName)
  if (!token || !supabase.verify(token)) return [401, 'Unauthorized']
  const origin = `http://${headers.get('host')}`
  if (headers.get('origin') !== origin || headers.get('referer') !== `${origin}/playground`) return [403, 'Forbidden']
  return headers.get('content-type')?.startsWith('application/json') ? undefined : [415, 'Unsupported Media Type']
}

/** @returns the body, or the complaint about an invalid body */
function readBody(text: string): SmitheryBody | string {
  const parsed = SmitheryBody.safeParse(jsonOrUndefined(text))
  if (parsed.success) return complaintAbout(parsed.data) ?? parsed.data
  const [issue] = parsed.error.issues
  return `Invalid request: ${issue?.path.join('.')}: ${issue?.message}`
}

function refuse(exchange: EmulatedExchange, status: number, error: string): void {
  exchange.reply(status, JSON.stringify({ error }), { 'content-type': 'application/json' })
}
