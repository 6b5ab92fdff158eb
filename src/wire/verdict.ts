import type { Reason } from '../chat/error.ts'

/** The words of an upstream's error body that say what kind of error it is. */
interface Words {
  readonly code?: string
  readonly type?: string
}

interface Verdict {
  readonly reason: Reason
  readonly code?: string
}

/** The meaning of a status alone (reliability, section 3). A word in the body may be more precise: see `byWord`. */
const byStatus: Readonly<Record<number, Verdict>> = {
  400: { reason: 'invalid-request' },
  401: { reason: 'account-refused' },
  402: { reason: 'quota-exhausted' },
  403: { reason: 'account-refused' },
  404: { reason: 'model-not-found' },
  405: { reason: 'upstream-outdated' },
  406: { reason: 'upstream-outdated' },
  408: { reason: 'timeout' },
  409: { reason: 'busy' },
  413: { reason: 'too-large' },
  415: { reason: 'upstream-outdated' },
  422: { reason: 'invalid-request' },
  // AI21: the model itself failed
  424: { reason: 'upstream-failed' },
  425: { reason: 'busy' },
  429: { reason: 'rate-limited' },
  498: { reason: 'account-refused' },
  499: { reason: 'upstream-failed' },
  503: { reason: 'overloaded' },
  504: { reason: 'timeout' },
  529: { reason: 'overloaded' },
}

const contentFilter: Verdict = { reason: 'content-filtered', code: 'content_filter' }
const noCredit: Verdict = { reason: 'quota-exhausted' }

/** Words that upstreams put into `code` or `type`, with any status. */
const byWord: readonly (readonly [RegExp, Verdict])[] = [
  [
    /^context_length_exceeded$|^model_max_prompt_tokens_exceeded$/,
    { reason: 'invalid-request', code: 'context_length_exceeded' },
  ],
  [/^content_filter$|^content_policy_violation$|^responsibleaipolicyviolation$/i, contentFilter],
  [/^insufficient_quota$|^billing_hard_limit_reached$|^insufficient_credits$/, noCredit],
  [/^rate_limit(_exceeded|_error)?$/, { reason: 'rate-limited' }],
  [/^model_not_found$/, { reason: 'model-not-found' }],
  // Mistral
  [/^invalid_model$/, { reason: 'model-not-found', code: 'model_not_found' }],
  [/^invalid_api_key$|^authentication_error$/, { reason: 'account-refused' }],
  [/^(server_is_)?overloaded(_error)?$|^service_unavailable(_error)?$|^engine_overloaded$/, { reason: 'overloaded' }],
  [/^invalid_request_error$|^bad_?request(_?error)?$/i, { reason: 'invalid-request' }],
]

/** More such words, of gRPC, DashScope and many others. They count for an error inside a 200. */
const byWordInside: readonly (readonly [RegExp, Verdict])[] = [
  [/^(data_?inspection_?failed|sensitive|content_?(filter|policy)|safety)/i, contentFilter],
  [/^(arrearage|insufficient_?(balance|funds?|credits?|user_?quota)|quota_?exceeded|payment_?required)/i, noCredit],
  [
    /^(resource_?exhausted|throttl|rate_?limit|too_?many_?requests|limit_?(requests|burst))/i,
    { reason: 'rate-limited' },
  ],
  [
    /^(unauthenticated|unauthori[sz]ed|invalid_?(api_?)?(key|token)|permission_?denied|access_?denied|forbidden|auth)/i,
    { reason: 'account-refused' },
  ],
  [/^(not_?found|model_?not_?(found|exist))/i, { reason: 'model-not-found' }],
  [/^(service_?)?unavailable|^(server|model|engine)?_?(is_)?(busy|overload)/i, { reason: 'overloaded' }],
  [/^(deadline_?exceeded|(request_?|gateway_?)?time_?d?_?out)/i, { reason: 'timeout' }],
  [
    /^(invalid_|invalid(argument|param|request)|bad_?request|validation_?error|unprocessable|failed_?precondition|out_?of_?range)/i,
    { reason: 'invalid-request' },
  ],
]

/** What a status means, together with the words of the body. 0 and 200 stand for an error object inside a 200. */
export function verdict(status: number, words: Words): Verdict {
  const isInside = status === 0 || status === 200
  const exact = isInside ? inside(words) : find(byWord, words.code, words.type)
  // a word with a code overrules any status; other words never overrule a 401, and `invalid_request_error` is too vague
  if (exact && (isInside || (exact.reason !== 'invalid-request' && status !== 401) || exact.code)) return exact
  if (status >= 300 && status < 400) return { reason: 'upstream-outdated', code: 'upstream_redirect' }
  if (status >= 400 && status < 500) return byStatus[status] ?? { reason: 'invalid-request' }
  // any other status, such as 204, is not an answer to a chat
  const isKnown = isInside || (status >= 500 && status < 600)
  return byStatus[status] ?? { reason: 'upstream-failed', ...(!isKnown && { code: 'upstream_bad_response' }) }
}

/** Tries the code first, because it is more precise than the type. */
function inside({ code, type }: Words): Verdict | undefined {
  const words = [...byWord, ...byWordInside]
  return find(words, code) ?? find(words, type)
}

function find(
  words: readonly (readonly [RegExp, Verdict])[],
  ...said: readonly (string | undefined)[]
): Verdict | undefined {
  return words.find(([word]) => said.some((each) => each !== undefined && word.test(each)))?.[1]
}
