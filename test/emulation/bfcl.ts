/**
 * Reads the calls of the Berkeley Function Calling Leaderboard in every spelling, in pieces of random length, and its questions as
 * text: `bun test/emulation/bfcl.ts FOLDER [FAILURES]`. FOLDER is `bfcl_eval/data` of the package `bfcl-eval`; of each spelling as many
 * FAILURES are shown. It is not a part of the tests. (docs/emulation.md)
 */
import { isDeepStrictEqual } from 'node:util'
import type { FunctionTool } from '../../src/chat/request.ts'
import { type BfclCase, bfclSet, isTyped } from './bfcl-set.ts'
import { marks, type ReadText, readText } from './read-text.ts'
import { callSpellings, type WrittenCall } from './spellings.ts'

const sets = ['simple_python', 'simple_java', 'simple_javascript', 'multiple', 'parallel', 'parallel_multiple']
const liveSets = ['live_simple', 'live_multiple', 'live_parallel', 'live_parallel_multiple']
const irrelevanceSets = ['irrelevance', 'live_irrelevance']
const splits = 3

const [folder = '.', shown = '1'] = process.argv.slice(2)

type Write = (calls: readonly WrittenCall[]) => string

const objects = (calls: readonly WrittenCall[]) => calls.map(({ name, args }) => ({ name, arguments: args }))
const named = (calls: readonly WrittenCall[]) =>
  calls.map(({ name, args }, at) => ({
    id: `call_${at}`,
    type: 'function',
    function: { name, arguments: JSON.stringify(args) },
  }))

/** What these spellings cannot say. */
const lossless: Readonly<Record<string, (args: WrittenCall['args']) => boolean>> = {
  'arguments beside the name': (args) => !Object.hasOwn(args, 'name'),
  'wrong types': (args) => Object.values(args).every((value) => !Array.isArray(value) || value.length === 1),
}

/** Several calls: each after the other in one of the spellings for one, or all in a list. */
const spellings: readonly { readonly name: string; readonly write: Write; readonly isForOne?: boolean }[] = [
  ...callSpellings.map(({ name, write, prose }) => ({
    name,
    // what follows the text after a call, or a call without an end, is not read
    isForOne: prose !== undefined || name === 'no end',
    write: (calls: readonly WrittenCall[]) => calls.map((call) => write(call, marks.call)).join('\n'),
  })),
  { name: 'a list', write: (calls) => JSON.stringify(objects(calls)) },
  { name: 'a list between marks', write: (calls) => `<tool_calls>\n${JSON.stringify(objects(calls))}\n</tool_calls>` },
  { name: 'a list of Mistral', write: (calls) => `[TOOL_CALLS]${JSON.stringify(objects(calls))}` },
  { name: 'a list in a fence', write: (calls) => `\`\`\`json\n${JSON.stringify(objects(calls), null, 2)}\n\`\`\`` },
  { name: 'tool_calls in one list', write: (calls) => JSON.stringify({ tool_calls: named(calls) }) },
]

let seed = 1
/** The next number below a limit, the same in each run. */
function random(limit: number): number {
  seed = (seed * 48_271) % 2_147_483_647
  return seed % limit
}

function randomPieces(text: string): readonly string[] {
  const pieces: string[] = []
  for (let at = 0; at < text.length; ) {
    const end = at + 1 + random(random(2) === 0 ? 4 : 30)
    pieces.push(text.slice(at, end))
    at = end
  }
  return pieces
}

function isUnderstood({ calls, misread }: ReadText, expected: readonly WrittenCall[]): boolean {
  const found = calls.map(({ name, json }) => ({ name, args: JSON.parse(json) }))
  return misread === 0 && calls.every(({ isWhole }) => isWhole) && isDeepStrictEqual(found, expected)
}

const counts = new Map<string, { read: number; failed: number }>()

function check(what: string, { id, tools }: BfclCase, text: string, isRight: (read: ReadText) => boolean): void {
  const count = counts.get(what) ?? { read: 0, failed: 0 }
  counts.set(what, count)
  for (let split = 0; split < splits; split++) {
    const read = readText(randomPieces(text), tools)
    count.read++
    if (isRight(read)) continue
    count.failed++
    if (count.failed <= Number(shown)) console.log(`${what}, ${id}:\n${text}\n→ ${JSON.stringify(read)}\n`)
    break
  }
}

function checkCalls(one: BfclCase): void {
  for (const { name, write, isForOne } of spellings)
    if ((!isForOne || one.calls.length === 1) && one.calls.every(({ args }) => lossless[name]?.(args) ?? true))
      check(name, one, write(one.calls), (read) => isUnderstood(read, one.calls))
}

/** Tools as clients of Responses, Chat Completions and Messages send them. */
const definitions: readonly ((tool: FunctionTool) => object)[] = [
  (tool) => tool,
  ({ type, ...tool }) => ({ type, function: tool }),
  ({ name, description, parameters }) => ({ name, description, input_schema: parameters }),
]

/** A question, and the tools as JSON Schema, are text. */
function checkText(one: BfclCase): void {
  const isText = (text: string) => (read: ReadText) => isDeepStrictEqual(read, { text, calls: [], misread: 0 })
  check('a question', one, one.question, isText(one.question))
  for (const write of definitions) {
    const text = one.tools.map((tool) => JSON.stringify(write(tool))).join('\n')
    check('the tools', one, text, isText(text))
  }
}

for (const set of [...sets, ...liveSets]) {
  const cases = await bfclSet(folder, set)
  const typed = cases.filter(isTyped)
  console.log(`${set}: ${cases.length} cases, ${cases.length - typed.length} of them not as their schema says`)
  for (const one of typed) checkCalls(one)
  for (const one of cases) checkText(one)
}
for (const set of irrelevanceSets) for (const one of await bfclSet(folder, set)) checkText(one)
console.table(Object.fromEntries(counts))
