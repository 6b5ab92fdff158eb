/** Returns a member of a parsed JSON value; `undefined` if there is none. */
export function member(value: unknown, name: string | number): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
}

export function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

export function number(value: unknown): number {
  return typeof value === 'number' ? value : Number.NaN
}

export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}
