import type { Logger } from '../flow/call.ts'
import { builtinServer } from './names.ts'
import type { Tool } from './tool.ts'

/** A shorter name may be a word like any other. */
const minLength = 6

/**
 * Warns, once, of a description that speaks of a tool of another server: it may want the model to use that one otherwise
 * (reliability, section 4, item 22). Whether that is meant well only a person can tell.
 */
export function shadowingWatch(log: Logger): (tools: readonly Tool[]) => void {
  const seen = new WeakSet<Tool>()
  return (tools) => {
    if (tools.every((tool) => seen.has(tool))) return
    for (const tool of tools) {
      const about = seen.has(tool)
        ? undefined
        : tools.find((other) => other.server !== tool.server && speaksOf(tool, other))
      if (about)
        log.warn({ tool: tool.name, about: about.name }, 'a tool’s description speaks of another server’s tool')
      seen.add(tool)
    }
  }
}

function speaksOf({ description = '', server }: Tool, { name }: Tool): boolean {
  const plain = name.slice(name.indexOf('__') + 2)
  const isName = plain.length >= minLength && /[_-]/.test(plain)
  return server !== builtinServer && (description.includes(name) || (isName && description.includes(plain)))
}
