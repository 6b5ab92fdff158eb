import type { Usage } from '../../chat/event.ts'
import type { EmbeddingEvent, RelayEvent } from '../../chat/task.ts'
import type { Call } from '../../flow/call.ts'
import type { Ask } from '../../flow/chat.ts'
import type { Batch } from '../../flow/flow.ts'
import { type Ending, type Watcher, watch } from '../../flow/watch.ts'
import type { AnswerListener } from '../call-record.ts'
import { Leaving } from './leaving.ts'

interface TaskUsageOptions<Request> {
  /** The name of the upstream that answers. */
  readonly upstream: string
  readonly onAnswer: AnswerListener
  /** Estimates the usage if the client leaves before the upstream has stated it. Without it, nothing is known then. */
  readonly estimate?: (request: Request) => Usage
}

/** Tells `onAnswer` at the end what a task has used. */
export function taskUsage<Request extends { readonly model: string }, Event extends EmbeddingEvent | RelayEvent>(
  options: TaskUsageOptions<Request>,
  next: Ask<Request, Event>,
): Ask<Request, Event> {
  return (request, call) => {
    const watcher = new TaskUsage<Request, Event>(request, { ...options, call })
    return watch(next(request, call), watcher)
  }
}

class TaskUsage<Request extends { readonly model: string }, Event extends EmbeddingEvent | RelayEvent>
  implements Watcher<Event>
{
  readonly #request: Request
  readonly #options: TaskUsageOptions<Request> & { readonly call: Call }
  readonly #leaving: Leaving
  #usage: Usage | undefined

  constructor(request: Request, options: TaskUsageOptions<Request> & { readonly call: Call }) {
    this.#request = request
    this.#options = options
    this.#leaving = new Leaving(options.call)
  }

  onBatch(batch: Batch<Event>): void {
    for (const event of batch) if (event.type === 'usage') this.#usage = event.usage
  }

  onEnd(ending: Ending): void {
    const { onAnswer, estimate, call, upstream } = this.#options
    if (this.#leaving.wasPaid(ending)) this.#usage ??= estimate?.(this.#request)
    if (this.#usage || ending.kind === 'done')
      onAnswer({ call, upstream, model: this.#request.model, usage: this.#usage })
  }
}
