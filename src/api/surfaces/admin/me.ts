import { readExpiry } from '../../../keys/expiry.ts'
import type { BudgetUse } from '../../../keys/key-meter.ts'
import { answerJson } from '../../exchange/answer-json.ts'

/** `GET /v1/me`: who the caller is, what it may use, and what it has spent. */
export const showCaller = answerJson(async (_request, { caller }, { version, needsKey, gateway, clientKeys }) => {
  const { name, role, limits = {} } = caller
  const { rpm = null, tpm = null, concurrent = null, budget } = limits
  const { models = null, expires } = clientKeys.settingsOf(caller) ?? {}
  const used = await gateway.budgetUse(caller)
  return {
    body: {
      ...{ name, role, needs_key: needsKey(), version, limits: { rpm, tpm, concurrent, budget: budget ?? null } },
      ...{ models, expires: timeOf(expires === undefined ? undefined : readExpiry(expires)) },
      budget: used ? encodeUse(used) : null,
      records_prompts: gateway.recordsPrompts,
    },
  }
})

function encodeUse({ amount, unit, period, used, resetsAt }: BudgetUse) {
  return { amount, unit, period: period ?? null, used, resets_at: timeOf(resetsAt) }
}

function timeOf(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString()
}
