import { asChatError, ChatError } from '../../chat/error.ts'
import { type AskedTask, taskRoutes } from '../../chat/task.ts'
import type { Cancel } from '../../flow/cancel.ts'
import type { Runtime } from '../../flow/runtime.ts'

/** Milliseconds for which a task is not asked for again. Later, the server may be newer. */
const keptMs = 3_600_000
const most = 1_024

/** The tasks that an upstream has been found not to serve, at all or with one of its models. */
export class UnservedTasks {
  readonly #until = new Map<string, number>()
  #runtime: Pick<Runtime, 'elapsed'> | undefined

  has(asked: AskedTask): boolean {
    return [keyOf('service', asked), keyOf('model', asked)].some((key) => this.#isKept(key))
  }

  /** Returns the error to throw for a failure: `unsupported_task` if the upstream does not serve the task. */
  learn(thrown: unknown, asked: AskedTask, { runtime }: Cancel): ChatError {
    const error = asChatError(thrown)
    const scope = scopeOf(error)
    if (!scope) return error
    this.#runtime = runtime
    if (this.#until.size >= most) this.#until.clear()
    this.#until.set(keyOf(scope, asked), runtime.elapsed() + keptMs)
    return new ChatError('unsupported', {
      message: `The upstream does not serve ${taskRoutes[asked.task]}. It said: ${error.message}`,
      code: 'unsupported_task',
      param: 'model',
      cause: error,
    })
  }

  #isKept(key: string): boolean {
    const until = this.#until.get(key)
    return until !== undefined && until > (this.#runtime?.elapsed() ?? 0)
  }
}

function keyOf(scope: 'service' | 'model', { task, model }: AskedTask): string {
  return scope === 'service' ? task : `${task} ${model}`
}

/**
 * The words for a model that serves other tasks: `This is a chat model and not supported in the v1/completions endpoint`
 * and `You are not allowed to generate embeddings from this model` (OpenAI), `The model does not support Embeddings API`
 * (vLLM), `"llama3" does not support generate`, `this model does not support embeddings` (Ollama).
 */
const otherTask =
  /not supported (in|by|for) the v1|is a chat model|not allowed to generate|does not support (generat|completion|embedding|insert|the|rerank|transcri|speech)|not supported for (task|this (task|endpoint|model))/i

/** What a failure shows: that the service has no such route, that the model serves other tasks, or neither. */
function scopeOf({ upstreamStatus, message, finerCode }: ChatError): 'service' | 'model' | undefined {
  if (upstreamStatus === 405 || upstreamStatus === 501) return 'service'
  if (upstreamStatus === undefined || upstreamStatus < 400 || upstreamStatus >= 500) return undefined
  if (otherTask.test(message)) return 'model'
  return upstreamStatus === 404 && !/model/i.test(`${message} ${finerCode}`) ? 'service' : undefined
}
