import type { ChatError } from '../chat/error.ts'
import type { Runtime } from '../flow/runtime.ts'

/**
 * Milliseconds for which a model gets no tools after a refusal, and the limit for the number of such models. A newer
 * version may support tools.
 */
const keptMs = 3_600_000
const most = 1_024

/** The models that have refused tools. */
export class ToolRefusals {
  readonly #until = new Map<string, number>()
  readonly #runtime: Pick<Runtime, 'elapsed'>

  constructor(runtime: Pick<Runtime, 'elapsed'>) {
    this.#runtime = runtime
  }

  has(model: string): boolean {
    return this.#runtime.elapsed() < (this.#until.get(model) ?? 0)
  }

  add(model: string): void {
    if (this.#until.size >= most) this.#until.clear()
    this.#until.set(model, this.#runtime.elapsed() + keptMs)
  }
}

const statuses = new Set([400, 404, 405, 422, 500, 501])
const aboutTools = /\btools?\b|\btool[_-]|function call/i
const unsupported =
  /(not|n't|no|un)\b.*\bsupport|unsupported|not (available|enabled|allowed|permitted)|enable-auto-tool-choice|unknown|unrecogni[sz]ed|extra_forbidden/i
/** Matches a message about one tool, which is no refusal of all tools. */
const aboutOne = /schema|tools?(\[|\.|->)\s*\d|function\.parameters/i

/**
 * Whether an upstream refused because its model does not support tools: `… does not support tools` (Ollama), `No
 * endpoints found that support tool use` (OpenRouter), `"auto" tool choice requires --enable-auto-tool-choice` (vLLM).
 */
export function refusesTools({ upstreamStatus, reason, message, param = '' }: ChatError): boolean {
  const isRefusal = upstreamStatus === undefined ? reason === 'invalid-request' : statuses.has(upstreamStatus)
  const text = `${param} ${message}`
  return isRefusal && aboutTools.test(text) && unsupported.test(text) && !aboutOne.test(text)
}
