import { asChatError, ChatError } from '../../chat/error.ts'
import type { Config } from '../../config/config.ts'
import { CancelSource } from '../../flow/cancel.ts'
import type { Runtime } from '../../flow/runtime.ts'
import { sleep } from '../../flow/wait.ts'
import { isServing, urlOf } from '../health.ts'
import { createAsk } from '../running-server.ts'

/** Milliseconds for an answer. */
const answerMs = 5_000
/** Milliseconds for a restart: more than the server waits for its successor. */
const restartMs = 20_000
/** Milliseconds between two looks for a server, and their number, after one has ended in the middle of a restart. */
const lookMs = 250
const maxLooks = 20

/** What came of a restart. */
export type RestartOutcome =
  | { readonly kind: 'taken over'; readonly pid?: unknown; readonly executable?: unknown }
  /** The server goes on, because it cannot be replaced without a gap. */
  | { readonly kind: 'impossible'; readonly why: string }
  | { readonly kind: 'failed'; readonly why: string }

/** The running server that an upgrade tells. */
export interface RestartableServer {
  /** Lets it hand over. */
  restart(): Promise<RestartOutcome>
}

/**
 * Looks for the server of this configuration.
 * @returns undefined if no server runs there, or a sentence about why it cannot be told
 */
export async function findRestartableServer(
  config: Config,
  runtime: Runtime,
): Promise<RestartableServer | string | undefined> {
  if (config.port === 0 || !(await isServing(config, runtime))) return undefined
  const look = lookFor(config, runtime)
  const found = await look()
  if (found instanceof ChatError)
    return `The program at ${urlOf(config)} does not answer (${found.message}) Stop it, or set HOST and PORT as the server has them.`
  const { status, startedAt } = found
  if (status === 401 || status === 403)
    return `The server at ${urlOf(config)} does not accept this command's key (HTTP ${status}). Set API_MASTER_KEY, or API_MASTER_KEY_FILE, as the server has it.`
  if (startedAt === undefined)
    return `The program at ${urlOf(config)} is not tributary, or it cannot answer now (HTTP ${status}). Set HOST and PORT as the server has them.`
  return {
    async restart() {
      const answer = await createAsk(config, runtime)('POST', '/admin/restart', restartMs, {}).catch(asChatError)
      if (answer instanceof ChatError) return await lookAgain(look, startedAt, runtime)
      const { status, body } = answer
      if (status === 200) return { kind: 'taken over', ...fieldsOf(body) }
      const why = String(fieldsOf(fieldsOf(body).error).message ?? `it answered with HTTP ${status}.`)
      // what the server cannot do, its service manager can
      return { kind: status === 409 || status === 404 ? 'impossible' : 'failed', why }
    },
  }
}

interface SeenServer {
  readonly status: number
  /** When the server began; undefined if it did not say. */
  readonly startedAt: string | undefined
}

function lookFor(config: Config, runtime: Runtime): () => Promise<SeenServer | ChatError> {
  const ask = createAsk(config, runtime)
  return async () => {
    const answer = await ask('GET', '/admin/overview', answerMs).catch(asChatError)
    if (answer instanceof ChatError) return answer
    const { started_at: startedAt } = fieldsOf(answer.body)
    return { status: answer.status, startedAt: typeof startedAt === 'string' ? startedAt : undefined }
  }
}

/** The server has not answered, so only a look tells what came of the restart. */
async function lookAgain(
  look: () => Promise<SeenServer | ChatError>,
  startedAt: string,
  runtime: Runtime,
): Promise<RestartOutcome> {
  const never = new CancelSource(runtime)
  for (let looks = 0; looks < maxLooks; looks++) {
    const found = await look()
    if (!(found instanceof ChatError) && found.startedAt === startedAt)
      return { kind: 'failed', why: 'the running server did not say what came of it, and goes on.' }
    if (!(found instanceof ChatError) && found.startedAt !== undefined) return { kind: 'taken over' }
    await sleep(lookMs, never)
  }
  return { kind: 'failed', why: 'the server has ended meanwhile. Start the service again.' }
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : {}
}
