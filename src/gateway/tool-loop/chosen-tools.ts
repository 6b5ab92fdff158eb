import { ChatError } from '../../chat/error.ts'
import { excerpt } from '../../chat/secret.ts'
import type { Cancel } from '../../flow/cancel.ts'
import { serverAlias } from '../../tools/names.ts'
import type { Tool, ToolRegistry, ToolServerState } from '../../tools/tool.ts'

/** Stands for every tool of every server. */
const everyTool = '*'
/** The end of a name that stands for every tool of one server. */
const everyOne = '__*'

/** Tools that a caller has chosen by their names. */
export interface ChosenTools {
  /** The servers with chosen tools; undefined for all. */
  readonly servers?: readonly string[]
  isAllowed(tool: Tool): boolean
}

/** Reads a choice: names of tools as in `GET /api/tools`, `server__*`, or `*`. An unknown name chooses nothing. */
export function chosenTools(names: readonly string[], states: readonly ToolServerState[]): ChosenTools {
  if (names.includes(everyTool)) return { isAllowed: () => true }
  const exact = new Set(names)
  const wholeServers = new Set(
    states.filter((state) => names.some((name) => standsForAll(name, state))).map(({ name }) => name),
  )
  const servers = states.filter((state) => wholeServers.has(state.name) || names.some((name) => isOf(name, state)))
  return {
    servers: servers.map(({ name }) => name),
    isAllowed: ({ name, server }) => exact.has(name) || wholeServers.has(server),
  }
}

/**
 * Refuses a choice with an unknown name. The tools of a configured server that cannot be reached are accepted.
 * @throws ChatError `invalid-request` with that name
 */
export async function checkChosen(names: readonly string[], registry: ToolRegistry, signal: Cancel): Promise<void> {
  const states = registry.servers()
  const toolNames = names.filter((name) => name !== everyTool && !states.some((state) => standsForAll(name, state)))
  if (toolNames.length === 0) return
  const servers = states.filter((state) => toolNames.some((name) => isOf(name, state))).map(({ name }) => name)
  const missing = new Set<string>()
  const known = new Set((await registry.list(signal, servers, missing)).map(({ name }) => name))
  const isMissing = (name: string) => states.some((state) => missing.has(state.name) && isOf(name, state))
  const unknown = toolNames.find((name) => !known.has(name) && !isMissing(name))
  if (unknown === undefined) return
  const param = `tools[${names.indexOf(unknown)}]`
  throw new ChatError('invalid-request', {
    message: `${param} does not name an existing tool: "${excerpt(unknown, 100)}". GET /api/tools lists them; "server__*" chooses all tools of a server, "*" all tools.`,
    param,
    code: 'invalid_value',
  })
}

/** Whether the name stands for all tools of the server, by the server's name or by its alias in the names of tools. */
function standsForAll(name: string, { name: server }: ToolServerState): boolean {
  if (!name.endsWith(everyOne)) return false
  const named = name.slice(0, -everyOne.length)
  return named === server || named === serverAlias(server)
}

/** Whether the name would belong to the server. The server of a qualified name ends at its first `__`. */
function isOf(name: string, { name: server }: ToolServerState): boolean {
  return name.startsWith(`${serverAlias(server)}__`)
}
