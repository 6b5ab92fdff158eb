import type { Fields } from '../../chat/message.ts'

/** What a client runs for a typed tool. Only Anthropic's models know it by its type. */
interface ClientTool {
  readonly description: string
  readonly parameters: Fields
}

const text = { type: 'string' }
const line = { type: 'integer' }
const lines = { type: 'array', items: line, description: 'The first and the last line, counted from 1; -1 is the end.' }

function schemaOf(properties: Fields, required: readonly string[] = ['command']): Fields {
  return { type: 'object', properties, required }
}

const ofFiles = {
  path: text,
  file_text: { ...text, description: 'For `create`: the content of the file.' },
  old_str: { ...text, description: 'For `str_replace`: the text to replace, which occurs once.' },
  new_str: { ...text, description: 'For `str_replace`: the text in its place.' },
  insert_line: { ...line, description: 'For `insert`: the line after which the text goes; 0 is the beginning.' },
  insert_text: { ...text, description: 'For `insert`: the text.' },
  view_range: lines,
}

/** Anthropic, Bash tool */
const bash: ClientTool = {
  description: 'Runs a command in a bash session that stays open. `restart` begins a new session.',
  parameters: schemaOf({ command: text, restart: { type: 'boolean' } }, []),
}

/** Anthropic, Text editor tool. Versions before April 2025 can undo an edit, and name the text to insert `new_str`. */
function editor(isOld: boolean): ClientTool {
  const commands = ['view', 'create', 'str_replace', 'insert', ...(isOld ? ['undo_edit'] : [])]
  const { insert_text, ...older } = ofFiles
  const members = isOld ? older : { ...older, insert_text }
  return {
    description: 'Views, creates and edits files. `view` also lists a folder.',
    parameters: schemaOf({ command: { ...text, enum: commands }, ...members }, ['command', 'path']),
  }
}

/** Anthropic, Memory tool */
const memory: ClientTool = {
  description: 'Keeps notes between conversations as files below /memories. View that folder before you begin a task.',
  parameters: schemaOf({
    command: { ...text, enum: ['view', 'create', 'str_replace', 'insert', 'delete', 'rename'] },
    ...ofFiles,
    old_path: text,
    new_path: text,
  }),
}

/** Returns the tool that a client runs for a type, so that a model of another service can call it as a function; undefined for another type. */
export function clientTool(type: string): ClientTool | undefined {
  if (type.startsWith('bash_')) return bash
  if (type.startsWith('memory_')) return memory
  return type.startsWith('text_editor_') ? editor(type < 'text_editor_202504') : undefined
}
