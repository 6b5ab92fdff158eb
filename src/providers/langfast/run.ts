import { z } from 'zod'
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

/** Where langfast is, and how it is asked. */
export interface Service {
  readonly project: SupabaseProject
  readonly socketUrl: string
  /** The prompt that every run is of; without it each account makes its own. */
  readonly promptId: string | undefined
  readonly userAgent: string
}

/** What a run is of, and what else runs on its account. */
interface Run {
  readonly service: Service
  readonly session: SupabaseSession
  readonly runs: AccountRuns
  readonly promptMeta: Fields
}

/**
 * One answer. The connection stands before the run is asked for, since what comes of a run is told to who listens, once.
 * @throws ChatError
 */
export async function* run(
  service: Service,
  runs: AccountRuns,
  request: ChatRequest,
  { account, signal }: AccountCall<SupabaseSession>,
): AsyncGenerator<Batch> {
  const promptMeta = encodePromptMeta(request)
  const asked = { service, runs, promptMeta, session: account.credential }
  const passTurn = await runs.begin(signal)
  const reader = new RunReader(runs, passTurn)
  let connection: SocketIoConnection | undefined
  try {
    connection = await connect(asked, reader, signal)
    const promptId = await promptOf(asked, signal)
    reader.expect()
    const id = await initiate(asked, promptId, signal)
    yield* reader.begin(id)
    if (!reader.finished) yield* answer(connection)
  } finally {
    connection?.close()
    runs.end(reader.owesEnd)
    passTurn()
  }
}

function connect({ service, session }: Run, reader: RunReader, signal: Cancel): Promise<SocketIoConnection> {
  const request = {
    url: service.socketUrl,
    headers: { 'user-agent': service.userAgent },
    token: session.accessToken,
    read: reader.event.bind(reader),
  }
  return openSocketIo(request, signal)
}

/** What comes after the finish, a cut for one, takes nothing away. */
async function* answer({ batches }: SocketIoConnection): AsyncGenerator<Batch> {
  for await (const batch of batches) {
    yield batch
    if (batch.some(({ type }) => type === 'finish')) return
  }
}

/** Whatever a prompt holds, a run brings its own: so one does for all of an account's. */
async function promptOf(asked: Run, signal: Cancel): Promise<string> {
  const { service, session, runs, promptMeta } = asked
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

/** A prompt is run once for each case: upstreams 3.2 */
const testCases = [{ name: 'Chat', variables: [] }]

const Initiated = z.looseObject({
  jobs: z.array(z.looseObject({ job_id: z.union([z.string(), z.number()]).transform(String) })).catch([]),
})

/** @returns the run's name in its events, where the service tells it */
async function initiate(asked: Run, promptId: string, signal: Cancel): Promise<string | undefined> {
  const { service, session, runs, promptMeta } = asked
  const body = {
    run_id: signal.runtime.newId(),
    prompt_id: promptId,
    prompt_meta: promptMeta,
    test_cases: service.promptId ? [] : testCases,
    created_by: session.userId,
  }
  try {
    const reply = await post({ ...service, session, path: '/functions/v1/initiate-prompt-run', body }, signal)
    return Initiated.safeParse(reply).data?.jobs[0]?.job_id
  } catch (thrown) {
    if (!(thrown instanceof ChatError) || thrown.upstreamStatus !== 404) throw thrown
    // a prompt of our own may have been removed: the next attempt makes another
    runs.promptId = undefined
    throw noPrompt(service, thrown)
  }
}

function noPrompt({ promptId }: Service, cause: ChatError): ChatError {
  return promptId
    ? new ChatError('upstream-outdated', {
        message: 'The upstream does not know the prompt, or not where it is run: check LANGFAST_PROMPT_ID.',
        upstreamStatus: 404,
        cause,
      })
    : new ChatError('upstream-failed', {
        message: 'The upstream does not know the prompt any more.',
        upstreamStatus: 404,
        cause,
      })
}
