/** The path of an upstream in the admin API, or of one of its accounts. */
export function pathOf(upstream: string, account?: string): string {
  const path = `/admin/upstreams/${encodeURIComponent(upstream)}`
  return account === undefined ? path : `${path}/accounts/${encodeURIComponent(account)}`
}

/** The path of a credential that is kept in the state. */
export function credentialPath(variable: string): string {
  return `/admin/accounts/${encodeURIComponent(variable)}`
}
