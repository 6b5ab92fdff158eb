import type { Usage } from '../../chat/event.ts'
import type { AskedTask, EmbeddingEvent, RelayEvent } from '../../chat/task.ts'
import type { Ask } from '../../flow/chat.ts'
import type { Batch } from '../../flow/flow.ts'
import { type Ending, type Watcher, watch } from '../../flow/watch.ts'
import { type AnsweringUpstream, AnswerNotes } from './answer-notes.ts'

interface TaskUsageOptions<Request> extends AnsweringUpstream {
  /** Estimates the usage if the client leaves before the upstream has stated it. Without it, nothing is known then. */
  readonly estimate?: (request: Request) => Usage
}

/** Notes what a task has used. */
export function taskUsage<Request extends AskedTask, Event extends EmbeddingEvent | RelayEvent>(
  { estimate, ...source }: TaskUsageOptions<Request>,
  next: Ask<Request, Event>,
): Ask<Request, Event> {
  return (request, call) => {
    const watcher = new TaskUsage<Event>(request, {
      notes: new AnswerNotes(source, call),
      estimate: () => estimate?.(request),
    })
    return watch(next(request, call), watcher)
  }
}

interface NotedTask {
  readonly notes: AnswerNotes
  readonly estimate: () => Usage | undefined
}

class TaskUsage<Event extends EmbeddingEvent | RelayEvent> implements Watcher<Event> {
  readonly #asked: AskedTask
  readonly #noted: NotedTask
  #usage: Usage | undefined

  constructor(asked: AskedTask, noted: NotedTask) {
    this.#asked = asked
    this.#noted = noted
  }

  onBatch(batch: Batch<Event>): void {
    for (const event of batch) if (event.type === 'usage') this.#usage = event.usage
  }

  onEnd(ending: Ending): void {
    const { notes, estimate } = this.#noted
    if (notes.wasLeft(ending)) this.#usage ??= estimate()
    if (this.#usage || ending.kind === 'done') notes.add(this.#asked, this.#usage)
  }
}
