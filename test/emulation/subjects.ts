import type { FunctionTool } from '../../src/chat/request.ts'
import type { WrittenCall } from './spellings.ts'

/** A call that a model wants to make, and the tools that it has. */
export interface CallSubject {
  readonly name: string
  readonly tools: readonly FunctionTool[]
  readonly call: WrittenCall
}

type Properties = Readonly<Record<string, object>>

function tool(name: string, properties: Properties = {}, required = Object.keys(properties)): FunctionTool {
  return { type: 'function', name, description: `Does ${name}.`, parameters: { type: 'object', properties, required } }
}

const text = { type: 'string' }
const edits = {
  type: 'array',
  items: { type: 'object', properties: { old: text, new: text, line: { type: 'integer' } }, required: ['old', 'new'] },
}

const own = [
  tool('weather', { city: text }),
  tool('set_light', { room: text, level: { type: 'integer' }, on: { type: 'boolean' } }),
  tool('edit_file', { path: text, edits, options: { type: 'object', properties: { dry: { type: 'boolean' } } } }, [
    'path',
    'edits',
  ]),
  tool('send_message', { to: text, body: text }),
  tool('write_file', { path: text, content: text }),
  tool('grep', { pattern: text, path: text }),
  tool('search', { queries: { type: 'array', items: text }, limit: { type: 'integer' } }, ['queries']),
  tool('current_time'),
  tool('apply_patch', { input: text }),
  tool('draw_chart', { id: text, title: text, type: text, params: { type: 'object' } }),
]

/** Some tools, the wanted one among many others. */
function toolsFor(name: string, count: number): readonly FunctionTool[] {
  const others = Array.from({ length: count }, (_, at) =>
    tool(`service_${at}__list_items`, { page: { type: 'integer' } }, []),
  )
  const wanted = own.filter((one) => one.name === name)
  return [...others.slice(0, count >> 1), ...wanted, ...others.slice(count >> 1, count - 1)]
}

const code = `def main(args):
\tprint("Hello, \\"world\\"", {'a': [1, 2]})
\tif args["n"] > 3:  # {braces}
\t\treturn f"{args['n']}\\n"
`
const page = `<div class="note">
  <parameter>x</parameter>
</config>
<tool_call>{"name": "weather"}</tool_call> & more
</div>`
const patch = `*** Begin Patch
*** Update File: src/a.ts
@@
-const a = { "b": 'c' }
+const a = { "b": "d", }
*** End Patch`

function subject(name: string, count: number, call: WrittenCall): CallSubject {
  return { name, tools: toolsFor(call.name, count), call }
}

/** Calls of different kinds, among 1 to 64 tools. */
export const callSubjects: readonly CallSubject[] = [
  subject('a text', 1, { name: 'weather', args: { city: 'Paris' } }),
  subject('numbers', 2, { name: 'set_light', args: { room: 'hall', level: 40, on: true } }),
  subject('nesting', 8, {
    name: 'edit_file',
    args: { path: 'a.ts', edits: [{ old: 'let a', new: 'const a', line: 3 }], options: { dry: false } },
  }),
  subject('Chinese', 8, { name: 'send_message', args: { to: '小明', body: '你好，世界！“引号”\n第二行' } }),
  subject('code', 16, { name: 'write_file', args: { path: 'main.py', content: code } }),
  subject('backslashes', 16, { name: 'grep', args: { pattern: '^\\d+\\.\\s*(?:x|y)$', path: 'C:\\Users\\dev\\new' } }),
  subject('a list', 32, { name: 'search', args: { queries: ['one'], limit: 5 } }),
  subject('nothing', 32, { name: 'current_time', args: {} }),
  subject('marks', 64, { name: 'write_file', args: { path: 'page.html', content: page } }),
  subject('names that calls have', 8, {
    name: 'draw_chart',
    args: { id: 'c1', title: 'Sales', type: 'bar', params: { width: 4 } },
  }),
  subject('a patch', 64, { name: 'apply_patch', args: { input: patch } }),
]
