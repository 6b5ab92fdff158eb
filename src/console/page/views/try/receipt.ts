import type { Receipt } from './types.ts'

/** Reads what the gateway says about an answer in its headers. */
export function receiptOf(headers: Headers): Receipt {
  const read = (name: string) => headers.get(name) ?? undefined
  const attempts = read('x-tributary-attempts')
  return {
    requestId: read('x-request-id'),
    upstream: read('x-tributary-upstream'),
    attempts: attempts === undefined ? undefined : Number(attempts),
    parameters: read('x-tributary-parameters'),
    lost: read('x-tributary-lost'),
    cache: read('x-tributary-cache'),
    toolsMissing: read('x-tributary-tools-missing'),
    toolsOmitted: read('x-tributary-tools-omitted'),
    toolsSearched: read('x-tributary-tools-searched'),
  }
}
