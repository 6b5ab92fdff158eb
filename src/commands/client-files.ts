import { join } from 'node:path'
import { claudeVariables, codexProvider, codexTable, codexTop, opencodeSettings } from '../connect/agents.ts'
import { type GatewayAddress, keyVariable } from '../connect/client.ts'

/** A file that a client reads its settings from. */
export interface SettingsFile {
  /** Its path below the home folder. */
  readonly path: string
  /** Returns the file's text with these settings, and all others as they were. @throws Error if it cannot be read */
  edit(text: string, address: GatewayAddress): string
}

/** The files of the clients whose settings can be edited safely, by the client's name. */
export const clientFiles: Readonly<Record<string, SettingsFile>> = {
  'claude-code': {
    path: join('.claude', 'settings.json'),
    edit: (text, address) =>
      mergeJson(text, { env: claudeVariables(address), apiKeyHelper: `printf %s "$${keyVariable}"` }),
  },
  codex: { path: join('.codex', 'config.toml'), edit: editCodex },
  opencode: {
    path: join('.config', 'opencode', 'opencode.json'),
    edit: (text, address) => mergeJson(text, opencodeSettings(address)),
  },
}

/** Adds members to a JSON object. Objects are merged, and everything else is replaced. */
function mergeJson(text: string, added: Readonly<Record<string, unknown>>): string {
  const value: unknown = text.trim() === '' ? {} : JSON.parse(text)
  if (!isObject(value)) throw new Error('it is not a JSON object')
  return `${JSON.stringify(merged(value, added), undefined, 2)}\n`
}

type JsonObject = Readonly<Record<string, unknown>>

function merged(into: JsonObject, added: JsonObject): JsonObject {
  const result = new Map(Object.entries(into))
  for (const [name, value] of Object.entries(added)) {
    const own = result.get(name)
    result.set(name, isObject(own) && isObject(value) ? merged(own, value) : value)
  }
  return Object.fromEntries(result)
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Replaces our table and the two members before the first table. The result is parsed, so that a mistake is not written. */
function editCodex(text: string, address: GatewayAddress): string {
  Bun.TOML.parse(text)
  const tables = text.split(/^(?=\[)/m)
  const top = tables[0]?.startsWith('[') ? '' : (tables.shift() ?? '')
  const others = top.replace(/^(model|model_provider)[ \t]*=.*\n?/gm, '').trim()
  const rest = tables.filter((table) => !table.startsWith(codexTable)).join('')
  const edited = [codexTop(address), others === '' ? '' : `${others}\n`, rest, codexProvider(address)]
    .filter((part) => part !== '')
    .map((part) => part.trimEnd())
    .join('\n\n')
  Bun.TOML.parse(edited)
  return `${edited}\n`
}
