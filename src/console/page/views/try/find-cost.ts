import { askJson } from '../../session/api.ts'
import { isAdmin } from '../../session/me.ts'
import type { Answer } from './types.ts'

/** What the list of requests knows of an answer, as far as it is used here. */
interface KnownRequest {
  readonly cost_usd: number | null
  readonly tools?: readonly string[]
  readonly lost?: readonly string[]
}

/** Milliseconds. The gateway notes a request when its stream has ended, which may be after we have read it. */
const waits = [300, 2_000]

/** Asks the gateway what an answer has cost, and which tools it ran. Returns undefined if it does not know. */
export async function findCost({ receipt, costUsd }: Answer): Promise<Partial<Answer> | undefined> {
  const id = receipt?.requestId
  if (id === undefined) return undefined
  const path = `${isAdmin() ? '/admin' : '/v1'}/requests/${encodeURIComponent(id)}`
  for (const ms of waits) {
    await new Promise((resolve) => setTimeout(resolve, ms))
    const known = await askJson<KnownRequest>(path).catch(() => undefined)
    if (!known) continue
    const { cost_usd, tools = [], lost = [] } = known
    return {
      costUsd: cost_usd ?? costUsd,
      ranTools: tools,
      ...(lost.length > 0 && receipt && { receipt: { ...receipt, lost: lost.join(', ') } }),
    }
  }
  return undefined
}
