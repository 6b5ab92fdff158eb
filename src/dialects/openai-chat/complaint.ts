import type { ChatError } from '../../chat/error.ts'
import type { Fields } from '../../chat/message.ts'
import { statusError, type UpstreamComplaint } from '../../wire/http-status.ts'
import { isFields, numberIn } from '../fields.ts'
import { meaningOfBaseResp, meaningOfCode } from './vendor-codes.ts'

/**
 * Reads an error body in the shapes that services send: `{error: {message, type, code, param}}`, `{error: "…"}`,
 * `{code, message}`, `{detail: "…"}`, `{detail: [{msg, loc}]}`, the same within `message` (Mistral), `{errors: […]}`,
 * `{base_resp: {status_code, status_msg}}` (MiniMax), `{innererror: {code}}` (Azure), a list around any of them.
 */
export function readComplaint(body: unknown): UpstreamComplaint {
  if (typeof body === 'string') return { message: body }
  const layers = layersOf(body)
  const code = wordOfMeaning(layers) ?? firstText(layers, codeMembers) ?? grpcWord(layers) ?? singleWord(layers)
  return {
    ...text('message', firstText(layers, messageMembers) ?? innermostText(layers)),
    ...text('code', isNumeric(code) ? undefined : code),
    ...text('type', firstText(layers, ['type'])),
    ...text('param', firstText(layers, ['param']) ?? layers.map(({ loc }) => pathText(loc)).find(Boolean)),
  }
}

/**
 * Returns the error inside a 200 reply, however it is wrapped. A number in it is an HTTP status, or a vendor's own code.
 * @param read reads the body of an upstream with its own shapes
 */
export function errorInside(value: unknown, read = readComplaint): ChatError {
  const status = meanings(layersOf(value)).find((meaning) => typeof meaning === 'number' && meaning > 0)
  return statusError({ status: typeof status === 'number' ? status : 0 }, read(value))
}

const messageMembers = [
  'message',
  'msg',
  'error_msg',
  'error_message',
  'errorMessage',
  'err_msg',
  'status_msg',
  'error_description',
  'errorText',
  'title',
]
const codeMembers = ['code', 'error_code', 'errorCode']
const statusMembers = [
  'status_code',
  'statusCode',
  'http_code',
  'http_status',
  'status',
  'code',
  'error_code',
  'errorCode',
]

/** Members that may hold the actual error. */
const innerMembers = ['error', 'errors', 'base_resp', 'detail', 'message', 'innererror']
const maxLayers = 6

/** Returns the nested objects of an error body. The innermost comes first, because it is the most precise. */
function layersOf(body: unknown): readonly Fields[] {
  const layers: Fields[] = []
  let inner: unknown = body
  for (let depth = 0; depth < maxLayers; depth++) {
    if (Array.isArray(inner)) inner = inner[0]
    if (!isFields(inner)) break
    layers.unshift(inner)
    inner = innerOf(inner)
  }
  return layers
}

function innerOf(layer: Fields): unknown {
  return innerMembers.map((name) => first(layer[name])).find(isFields)
}

function first(value: unknown): unknown {
  return Array.isArray(value) ? value[0] : value
}

function firstText(layers: readonly Fields[], names: readonly string[]): string | undefined {
  for (const layer of layers) {
    const found = names.map((name) => textOf(layer[name])).find((said) => said !== undefined)
    if (found !== undefined) return found
  }
  return undefined
}

/** Returns a text, or joins a list of texts, as NestJS sends it. */
function textOf(value: unknown): string | undefined {
  if (Array.isArray(value) && typeof value[0] === 'string') {
    const texts = value.slice(0, maxLayers).filter((each) => typeof each === 'string')
    return texts.join('; ')
  }
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** Returns an error that is a plain text: `{error: "…"}`, `{detail: "…"}`, `{errors: ["…"]}`. */
function innermostText(layers: readonly Fields[]): string | undefined {
  return firstText(layers, ['error', 'detail', 'errors'])
}

/** Returns `error` if it is a single word, because such a word beside a message is a code. */
function singleWord(layers: readonly Fields[]): string | undefined {
  const said = firstText(layers, ['error'])
  return said && /^[\w.-]+$/.test(said) ? said : undefined
}

/** Returns gRPC's status word, as Google sends it: `INVALID_ARGUMENT`. */
function grpcWord(layers: readonly Fields[]): string | undefined {
  const said = firstText(layers, ['status'])
  return said && /^[A-Z][A-Z_]+$/.test(said) ? said : undefined
}

function wordOfMeaning(layers: readonly Fields[]): string | undefined {
  return meanings(layers).find((meaning) => typeof meaning === 'string')
}

function meanings(layers: readonly Fields[]): (number | string)[] {
  return layers.flatMap((layer) => [
    ...(typeof layer.status_msg === 'string' ? [meaningOfBaseResp(numberIn(layer.status_code))] : []),
    ...statusMembers.map((name) => meaningOfCode(layer[name])),
  ])
}

function isNumeric(code: string | undefined): boolean {
  return code !== undefined && /^-?\d+$/.test(code)
}

/** Steps of a path that are shown. */
const maxSteps = 64

/** Formats FastAPI's path, such as `['body', 'messages', 0, 'content']`. */
function pathText(loc: unknown): string | undefined {
  if (!Array.isArray(loc)) return undefined
  const isStep = (step: unknown) => typeof step === 'number' || typeof step === 'string'
  const steps = (loc[0] === 'body' ? loc.slice(1) : loc).slice(0, maxSteps).filter(isStep)
  return steps.map((step, at) => (typeof step === 'number' ? `[${step}]` : `${at > 0 ? '.' : ''}${step}`)).join('')
}

function text(key: keyof UpstreamComplaint, value: string | undefined): UpstreamComplaint {
  return value === undefined || value === '' ? {} : { [key]: value }
}
