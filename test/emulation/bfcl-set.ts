/** Reads the questions, tools and calls of the Berkeley Function Calling Leaderboard. */
import { isDeepStrictEqual } from 'node:util'
import type { Fields } from '../../src/chat/message.ts'
import { type FunctionTool, schemaOf } from '../../src/chat/request.ts'
import { fitSchema } from '../../src/gateway/emulated-tools/fit-schema.ts'
import { isFields } from '../../src/gateway/emulated-tools/json-builder.ts'
import type { WrittenCall } from './spellings.ts'

export interface BfclCase {
  readonly id: string
  readonly question: string
  readonly tools: readonly FunctionTool[]
  readonly calls: readonly WrittenCall[]
}

/** Reads one set. Those of irrelevant questions have no answers. */
export async function bfclSet(folder: string, set: string): Promise<readonly BfclCase[]> {
  const answersPath = `${folder}/possible_answer/BFCL_v4_${set}.json`
  const answered = (await Bun.file(answersPath).exists()) ? await rows(answersPath) : []
  const answers = new Map(answered.map((row) => [row.id, row]))
  return (await rows(`${folder}/BFCL_v4_${set}.json`)).map((row) => {
    const tools = list(row.function).filter(isFields).map(toolOf)
    return {
      id: String(row.id),
      question: list(row.question)
        .flatMap(list)
        .filter(isFields)
        .map(({ content }) => String(content))
        .join('\n\n'),
      tools,
      calls: list(answers.get(row.id)?.ground_truth).map((call) => callOf(call, tools)),
    }
  })
}

/** Whether the answer has the types of its tool's schema. Some of the leaderboard's do not. */
export function isTyped({ calls, tools }: BfclCase): boolean {
  return calls.every(({ name, args }) => {
    const tool = tools.find((one) => one.name === name)
    const { value, problems } = fitSchema(args, tool && schemaOf(tool))
    return problems.length === 0 && isDeepStrictEqual(value, args)
  })
}

async function rows(path: string): Promise<readonly Fields[]> {
  const lines = (await Bun.file(path).text()).split('\n')
  return lines.filter((line) => line !== '').map((line): Fields => JSON.parse(line))
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

function toolOf({ name, description, parameters }: Fields): FunctionTool {
  const schema = schemaIn(parameters)
  return {
    type: 'function',
    name: String(name),
    description: String(description),
    parameters: isFields(schema) ? schema : {},
  }
}

/** The types of Python, Java and JavaScript that it has, in those of JSON Schema. Others say nothing of the value. */
const types: Readonly<Record<string, string>> = {
  array: 'array',
  arraylist: 'array',
  tuple: 'array',
  boolean: 'boolean',
  dict: 'object',
  hashmap: 'object',
  double: 'number',
  float: 'number',
  integer: 'integer',
  long: 'integer',
  char: 'string',
  string: 'string',
}

function schemaIn(given: unknown): unknown {
  if (!isFields(given)) return given
  const { type, properties, items, ...others } = given
  const known = typeof type === 'string' ? types[type.toLowerCase()] : undefined
  const members = isFields(properties) && mapFields(properties, schemaIn)
  return {
    ...others,
    ...(known && { type: known }),
    ...(members && { properties: members }),
    ...(items !== undefined && { items: schemaIn(items) }),
  }
}

function mapFields(fields: Fields, map: (value: unknown) => unknown): Fields {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, map(value)]))
}

/** An answer lists the values that are allowed for each argument. */
function callOf(answer: unknown, tools: readonly FunctionTool[]): WrittenCall {
  const [[name, args] = ['', {}]] = isFields(answer) ? Object.entries(answer) : []
  const tool = tools.find((one) => one.name === name)
  return { name, args: chooseMembers(args, tool && schemaOf(tool)) }
}

/** The first value of each member, also of those within. An empty text says that it may be left out. */
function chooseMembers(answer: unknown, schema: unknown): Fields {
  const properties = isFields(schema) && isFields(schema.properties) ? schema.properties : {}
  const members = Object.entries(isFields(answer) ? answer : {}).flatMap(([name, allowed]) => {
    if (!Array.isArray(allowed)) return [[name, allowed]]
    return allowed.length === 0 || allowed[0] === '' ? [] : [[name, choose(allowed[0], properties[name])]]
  })
  return Object.fromEntries(members)
}

function choose(value: unknown, schema: unknown): unknown {
  if (isFields(value)) return chooseMembers(value, schema)
  const items = isFields(schema) ? schema.items : undefined
  return Array.isArray(value) ? value.map((item) => choose(item, items)) : value
}
