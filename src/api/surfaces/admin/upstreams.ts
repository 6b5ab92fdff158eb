import { ChatError } from '../../../chat/error.ts'
import type { Finding } from '../../../gateway/examine.ts'
import type { UpstreamState } from '../../../gateway/examiner.ts'
import { answerJson } from '../../exchange/answer-json.ts'

/** `GET /admin/upstreams` */
export const listUpstreams = answerJson((_request, _call, { gateway: { examiner } }) => ({
  body: { object: 'list', data: examiner.list().map(encodeUpstream) },
}))

/** `POST /admin/upstreams/{name}/test` */
export const testUpstream = answerJson(async (request, _call, { gateway: { examiner } }) => {
  const name = request.param('name') ?? ''
  const findings = await examiner.test(name)
  if (!findings)
    throw new ChatError('not-found', {
      message:
        'There is no such upstream. POST /admin/upstreams/NAME/test tries one of those that GET /admin/upstreams lists.',
    })
  return { body: { upstream: name, accounts: findings.map(encodeFinding) } }
})

function encodeUpstream({ name, address, accounts }: UpstreamState) {
  return {
    name,
    address: address ?? null,
    accounts: accounts.map(({ label, state }) => ({
      label,
      state: state.kind,
      until: 'until' in state ? new Date(state.until).toISOString() : null,
      why: 'why' in state ? state.why : null,
    })),
  }
}

function encodeFinding({ account, model, tookMs, error }: Finding) {
  return {
    account,
    works: error === undefined,
    model: model ?? null,
    took_ms: tookMs,
    error: error
      ? { reason: error.reason, code: error.code, message: error.message, retry_after_ms: error.retryAfterMs ?? null }
      : null,
  }
}
