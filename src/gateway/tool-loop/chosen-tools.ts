import { ChatError } from '../../chat/error.ts'
import { excerpt } from '../../chat/secret.ts'
import type { Cancel } from '../../flow/cancel.ts'
import { serverAlias } from '../../tools/names.ts'
import type { Tool, ToolRegistry, ToolServerState } from '../../tools/tool.ts'

/** What stands for every tool of every server. */
const everyTool = '*'
/** What a server's name ends in for all of its tools. */
const everyOne = '__*'

/** Tools that a caller has chosen by their names. */
export interface ChosenTools {
  /** The servers that have any of them; undefined for all. */
  readonly servers?: readonly string[]
  isAllowed(tool: Tool): boolean
}

/** Reads a choice: names of tools as `GET /api/tools` lists them, `server__*`, or `*`. What is not there chooses nothing. */
export function chosenTools(names: readonly string[], states: readonly ToolServerState[]): ChosenTools {
  if (names.includes(everyTool)) return { isAllowed: () => true }
  const exact = new Set(names)
  const whole = new Set(states.filter((state) => names.some((name) => isWhole(name, state))).map(({ name }) => name))
  const servers = states.filter((state) => whole.has(state.name) || names.some((name) => isOf(name, state)))
  return {
    servers: servers.map(({ name }) => name),
    isAllowed: ({ name, server }) => exact.has(name) || whole.has(server),
  }
}

/**
 * Refuses a choice with a name that is unknown. A tool of a configured server that cannot be reached is not.
 * @throws ChatError `invalid-request`, which names it
 */
export async function checkChosen(names: readonly string[], registry: ToolRegistry, signal: Cancel): Promise<void> {
  const states = registry.servers()
  const asked = names.filter((name) => name !== everyTool && !states.some((state) => isWhole(name, state)))
  if (asked.length === 0) return
  const servers = states.filter((state) => asked.some((name) => isOf(name, state))).map(({ name }) => name)
  const missing = new Set<string>()
  const known = new Set((await registry.list(signal, servers, missing)).map(({ name }) => name))
  const isMissing = (name: string) => states.some((state) => missing.has(state.name) && isOf(name, state))
  const unknown = asked.find((name) => !known.has(name) && !isMissing(name))
  if (unknown === undefined) return
  const param = `tools[${names.indexOf(unknown)}]`
  throw new ChatError('invalid-request', {
    message: `${param} names no tool there is: "${excerpt(unknown, 100)}". GET /api/tools lists them; "server__*" is all of a server, "*" is all.`,
    param,
    code: 'invalid_value',
  })
}

/** Whether it stands for all tools of the server, by the server's own name or by that in the names of its tools. */
function isWhole(name: string, { name: server }: ToolServerState): boolean {
  if (!name.endsWith(everyOne)) return false
  const named = name.slice(0, -everyOne.length)
  return named === server || named === serverAlias(server)
}

/** Whether it would be a tool of the server: a qualified name has one reading, up to its first `__`. */
function isOf(name: string, { name: server }: ToolServerState): boolean {
  return name.startsWith(`${serverAlias(server)}__`)
}
