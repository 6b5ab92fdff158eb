import type { Logger } from '../flow/call.ts'
import { builtinServer } from './names.ts'
import type { Tool } from './tool.ts'

/** A shorter name may be an ordinary word. */
const minLength = 6

/**
 * Warns once of a tool whose description names another server's tool: it may try to change how the model uses that tool
 * (reliability, section 4, item 22). Only a person can decide whether it is harmless.
 */
export function shadowingWatch(log: Logger): (tools: readonly Tool[]) => void {
  const seen = new WeakSet<Tool>()
  return (tools) => {
    if (tools.every((tool) => seen.has(tool))) return
    for (const tool of tools) {
      const about = seen.has(tool)
        ? undefined
        : tools.find((other) => other.server !== tool.server && speaksOf(tool, other))
      if (about) log.warn({ tool: tool.name, about: about.name }, 'a tool’s description names another server’s tool')
      seen.add(tool)
    }
  }
}

function speaksOf({ description = '', server }: Tool, { name }: Tool): boolean {
  const plain = name.slice(name.indexOf('__') + 2)
  const isName = plain.length >= minLength && /[_-]/.test(plain)
  return server !== builtinServer && (description.includes(name) || (isName && description.includes(plain)))
}
