import type { ChatRequest } from '../chat/request.ts'
import type { EmbeddingEvent, EmbeddingRequest, RelayEvent, RelayRequest } from '../chat/task.ts'
import type { Ask, Chat } from '../flow/chat.ts'
import type { Member } from './known-models.ts'
import type { RetryBudget } from './layers/retry-budget.ts'
import type { Permits } from './permits.ts'

/** The parts of an upstream's chain that can be asked and inspected. */
export interface UpstreamParts extends Member {
  readonly chat: Chat
  readonly emulation: EmulationFacts
  readonly tasks: TaskAsks
  readonly budget: RetryBudget
  readonly permits: Permits
}

/** Whether tools and JSON formats are emulated for an upstream. */
export interface EmulationFacts {
  readonly isAllowed: boolean
  /** Whether something must be emulated for a request to this model. */
  isNeeded(request: ChatRequest, model: string): boolean
}

/** What is no chat. It goes through the same layers as a chat (docs/decisions/0059-tasks-are-flows.md). */
export interface TaskAsks {
  readonly embed: Ask<EmbeddingRequest, EmbeddingEvent>
  readonly relay: Ask<RelayRequest, RelayEvent>
}
