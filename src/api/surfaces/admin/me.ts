import { answerJson } from '../../exchange/answer-json.ts'

/** `GET /v1/me`: who the caller is, and what it may use. */
export const showCaller = answerJson((_request, { caller }, { version, needsKey }) => {
  const { name, role, limits = {} } = caller
  const { rpm = null, tpm = null, concurrent = null, budget } = limits
  return {
    body: { name, role, needs_key: needsKey(), version, limits: { rpm, tpm, concurrent, budget: budget ?? null } },
  }
})
