import type { EmbeddingEvent, EmbeddingRequest, RelayEvent, RelayRequest } from '../chat/task.ts'
import type { Ask, Chat } from '../flow/chat.ts'
import type { EmulationFacts } from './emulation-facts.ts'
import type { UpstreamHealth } from './health/upstream-health.ts'
import type { Member } from './known-models.ts'
import type { RetryBudget } from './layers/retry-budget.ts'
import type { Permits } from './permits.ts'

/** The parts of an upstream's chain that can be asked and inspected. */
export interface UpstreamParts extends Member {
  readonly chat: Chat
  readonly emulation: EmulationFacts
  readonly tasks: TaskAsks
  readonly budget: RetryBudget
  /** Whether it is asked, and each model of it. */
  readonly health: UpstreamHealth
  readonly permits: Permits
  /** Stops the work in the background. */
  close(): void
}

/** What is no chat. It goes through the same layers as a chat (docs/decisions/0059-tasks-are-flows.md). */
export interface TaskAsks {
  readonly embed: Ask<EmbeddingRequest, EmbeddingEvent>
  readonly relay: Ask<RelayRequest, RelayEvent>
}
