const ownHeaders = new Set(['host', 'connection', 'content-length', 'content-type', 'transfer-encoding', 'accept'])

/** Whether an operator may set this header of the requests to a tool server. */
export function isHeader(name: string, value: string): boolean {
  return /^[\w!#$%&'*+.^`|~-]+$/.test(name) && !ownHeaders.has(name.toLowerCase()) && /^[\x20-\x7e]*$/.test(value)
}
