import type { FormField } from './form-model.ts'

/** What stands in a field, before it is read: a text, an index, or those of the fields within. Undefined: left out. */
export type Draft =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'list'; readonly items: readonly Draft[] }
  | { readonly kind: 'group'; readonly members: readonly Draft[] }
  | { readonly kind: 'absent' }

export const absent: Draft = { kind: 'absent' }

export type FormProblem = 'missing' | 'notNumber' | 'notWhole' | 'notJson' | 'tooSmall' | 'tooLarge'

/** A value of the form, or what is wrong with it and where. The places are the positions of the fields. */
export type FormReading = { readonly value: unknown } | { readonly problems: ReadonlyMap<string, FormProblem> }

/** What a field begins with: its default, and what must be there. */
export function draftOf(field: FormField): Draft {
  const usual = field.usual === undefined ? undefined : fill(field, field.usual)
  return usual ?? (field.isRequired ? emptyOf(field) : absent)
}

export function emptyOf(field: FormField): Draft {
  switch (field.kind) {
    case 'group':
      return { kind: 'group', members: field.fields.map(draftOf) }
    case 'list':
      return { kind: 'list', items: [] }
    case 'boolean':
      return { kind: 'text', text: 'false' }
    case 'choice':
      return { kind: 'text', text: field.options.length === 1 ? '0' : '' }
    default:
      return { kind: 'text', text: '' }
  }
}

/** Puts a value into the form. @returns undefined if the form cannot hold it */
export function fill(field: FormField, value: unknown): Draft | undefined {
  if (value === undefined) return absent
  switch (field.kind) {
    case 'text':
      return typeof value === 'string' ? { kind: 'text', text: value } : undefined
    case 'number':
      return typeof value === 'number' ? { kind: 'text', text: String(value) } : undefined
    case 'boolean':
      return typeof value === 'boolean' ? { kind: 'text', text: String(value) } : undefined
    case 'choice': {
      const at = field.options.findIndex((option) => JSON.stringify(option) === JSON.stringify(value))
      return at < 0 ? undefined : { kind: 'text', text: String(at) }
    }
    case 'json':
      return { kind: 'text', text: JSON.stringify(value, null, 2) }
    case 'list':
      return fillList(field.item, value)
    case 'group':
      return fillGroup(field.fields, value)
  }
}

function fillList(item: FormField, value: unknown): Draft | undefined {
  if (!Array.isArray(value)) return undefined
  const items = value.map((one: unknown) => fill(item, one))
  return items.includes(undefined) ? undefined : { kind: 'list', items: items.flatMap((one) => one ?? []) }
}

function fillGroup(fields: readonly FormField[], value: unknown): Draft | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  const given = new Map<string, unknown>(Object.entries(value))
  const isKnown = [...given.keys()].every((name) => fields.some((field) => field.name === name))
  const members = fields.map((field) => fill(field, given.get(field.name)))
  if (!isKnown || members.includes(undefined)) return undefined
  return { kind: 'group', members: members.flatMap((one) => one ?? []) }
}

/** Reads the form. @returns the value, or the problem of each field that has one, by its place such as `.0.2` */
export function readDraft(field: FormField, draft: Draft): FormReading {
  const problems = new Map<string, FormProblem>()
  const value = read(field, draft, { at: '', problems })
  return problems.size > 0 ? { problems } : { value }
}

interface ReadingPlace {
  readonly at: string
  readonly problems: Map<string, FormProblem>
}

function read(field: FormField, draft: Draft, place: ReadingPlace): unknown {
  const { at, problems } = place
  const within = (position: number) => ({ at: `${at}.${position}`, problems })
  if (draft.kind === 'absent') return undefined
  if (field.kind === 'list' && draft.kind === 'list')
    return draft.items.map((item, position) => read(field.item, item, within(position)))
  if (field.kind === 'group' && draft.kind === 'group')
    return Object.fromEntries(
      field.fields.flatMap((member, position) => {
        const value = read(member, draft.members[position] ?? absent, within(position))
        return value === undefined ? [] : [[member.name, value] as const]
      }),
    )
  if (draft.kind !== 'text') return undefined
  const found = readText(field, draft.text)
  if ('problem' in found) problems.set(at, found.problem)
  return 'problem' in found ? undefined : found.value
}

function readText(field: FormField, text: string): { readonly value: unknown } | { readonly problem: FormProblem } {
  if (field.kind === 'text') return { value: text }
  if (text.trim() === '') return { problem: 'missing' }
  if (field.kind === 'boolean') return { value: text === 'true' }
  if (field.kind === 'choice') return { value: field.options[Number(text)] }
  if (field.kind === 'number') return readNumber(field, Number(text))
  try {
    return { value: JSON.parse(text) }
  } catch {
    return { problem: 'notJson' }
  }
}

type NumberField = Extract<FormField, { readonly kind: 'number' }>

function readNumber({ isWhole, least, most }: NumberField, value: number): ReturnType<typeof readText> {
  if (!Number.isFinite(value)) return { problem: 'notNumber' }
  if (isWhole && !Number.isInteger(value)) return { problem: 'notWhole' }
  if (least !== undefined && value < least) return { problem: 'tooSmall' }
  if (most !== undefined && value > most) return { problem: 'tooLarge' }
  return { value }
}
