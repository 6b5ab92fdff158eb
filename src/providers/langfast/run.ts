import { ChatError } from '../../chat/error.ts'
import type { Fields } from '../../chat/message.ts'
import type { ChatRequest } from '../../chat/request.ts'
import type { Cancel } from '../../flow/cancel.ts'
import type { Batch } from '../../flow/flow.ts'
import type { SupabaseSession } from '../../sign-in/session.ts'
import type { SupabaseProject } from '../../sign-in/supabase.ts'
import { openSocketIo, type SocketIoConnection } from '../../wire/socketio.ts'
import type { AccountCall } from '../provider.ts'
import type { AccountRuns } from './account-runs.ts'
import { RunReader } from './events.ts'
import { badReply, post } from './post.ts'
import { encodePromptMeta } from './request.ts'

/** Loaded when it is needed, because zod costs much at the start (docs/decisions/0050-late-modules.md). */
const schemas = (): typeof import('./schema.ts') => require('./schema.ts')

/** The addresses of langfast, and how it is used. */
export interface LangfastService {
  readonly project: SupabaseProject
  readonly socketUrl: string
  /** The prompt that all runs use; without it each account makes its own. */
  readonly promptId: string | undefined
  readonly userAgent: string
}

/** A run, its session, and the other runs of its account. */
interface RunContext {
  readonly service: LangfastService
  readonly session: SupabaseSession
  readonly runs: AccountRuns
  readonly promptMeta: Fields
}

/**
 * Runs a prompt and yields its answer. The connection is opened before the run is requested, because the service sends
 * each event once, to the connections that are open.
 * @throws ChatError
 */
export async function* run(
  service: LangfastService,
  runs: AccountRuns,
  request: ChatRequest,
  { account, signal, noteDrift }: AccountCall<SupabaseSession>,
): AsyncGenerator<Batch> {
  const promptMeta = encodePromptMeta(request)
  const context = { service, runs, promptMeta, session: account.credential }
  const passTurn = await runs.begin(signal)
  const reader = new RunReader(runs, passTurn, noteDrift)
  let connection: SocketIoConnection | undefined
  try {
    connection = await connect(context, reader, signal)
    const promptId = await promptOf(context, signal)
    reader.expect()
    const id = await initiate(context, promptId, signal)
    yield* reader.begin(id)
    if (!reader.finished) yield* answer(connection)
  } finally {
    connection?.close()
    runs.end(reader.owesEnd)
    passTurn()
  }
}

function connect({ service, session }: RunContext, reader: RunReader, signal: Cancel): Promise<SocketIoConnection> {
  const request = {
    url: service.socketUrl,
    headers: { 'user-agent': service.userAgent },
    token: session.accessToken,
    read: reader.event.bind(reader),
  }
  return openSocketIo(request, signal)
}

/** Yields the answer. After the finish it is complete, so a later failure, such as a cut, is ignored. */
async function* answer({ batches }: SocketIoConnection): AsyncGenerator<Batch> {
  for await (const batch of batches) {
    yield batch
    if (batch.some(({ type }) => type === 'finish')) return
  }
}

/** The prompt of an account. One is enough for all its runs, because each run sends its own content. */
async function promptOf(context: RunContext, signal: Cancel): Promise<string> {
  const { service, session, runs, promptMeta } = context
  if (service.promptId) return service.promptId
  runs.promptId ??= promptIdIn(
    await post(
      {
        ...service,
        session,
        path: '/rest/v1/rpc/create_prompt',
        body: {
          p_name: 'Chat',
          p_icon: 'openai',
          p_meta: { model: promptMeta.model, messages: [{ role: 'user', content: 'Hello' }], stream: true },
          p_test_cases: testCases,
        },
      },
      signal,
    ),
  )
  return runs.promptId
}

function promptIdIn(reply: unknown): string {
  if (typeof reply !== 'string' || reply === '') throw badReply('the id of a new prompt')
  return reply
}

/** The service runs a prompt once for each case: upstreams 3.2 */
const testCases = [{ name: 'Chat', variables: [] }]

/** @returns the run's name in its events, if the service sends it */
async function initiate(context: RunContext, promptId: string, signal: Cancel): Promise<string | undefined> {
  const { service, session, runs, promptMeta } = context
  const body = {
    run_id: signal.runtime.newId(),
    prompt_id: promptId,
    prompt_meta: promptMeta,
    test_cases: service.promptId ? [] : testCases,
    created_by: session.userId,
  }
  try {
    const reply = await post({ ...service, session, path: '/functions/v1/initiate-prompt-run', body }, signal)
    return schemas().Initiated.safeParse(reply).data?.jobs[0]?.job_id
  } catch (thrown) {
    if (!(thrown instanceof ChatError) || thrown.upstreamStatus !== 404) throw thrown
    // the prompt that we made may have been deleted; the next attempt makes another
    runs.promptId = undefined
    throw noPrompt(service, thrown)
  }
}

function noPrompt({ promptId }: LangfastService, cause: ChatError): ChatError {
  return promptId
    ? new ChatError('upstream-outdated', {
        message: 'The upstream does not know the prompt, or cannot run it: check LANGFAST_PROMPT_ID.',
        upstreamStatus: 404,
        cause,
      })
    : new ChatError('upstream-failed', {
        message: 'The upstream no longer knows the prompt.',
        upstreamStatus: 404,
        cause,
      })
}
