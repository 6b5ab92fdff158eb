import type { ChatRequest } from '../chat/request.ts'

/** Whether tools and JSON formats are emulated for an upstream. */
export interface EmulationFacts {
  readonly isAllowed: boolean
  /** Whether something must be emulated for a request to this model. */
  isNeeded(request: ChatRequest, model: string): boolean
}
