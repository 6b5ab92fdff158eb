/** The revision whose requests each say everything that the server must know (MCP 2026-07-28, basic/versioning). */
export const modern = '2026-07-28'

/** The older revisions, which begin with `initialize`. The newest is first. */
export const legacy: readonly string[] = ['2025-11-25', '2025-06-18']

/** Every revision that is served. */
export const supported: readonly string[] = [modern, ...legacy]

/** Members of `_meta` that a modern request has. */
export const versionKey = 'io.modelcontextprotocol/protocolVersion'
export const capabilitiesKey = 'io.modelcontextprotocol/clientCapabilities'
/** The member of `_meta` that a modern result has. */
export const serverKey = 'io.modelcontextprotocol/serverInfo'
