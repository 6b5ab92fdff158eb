import type { Texts } from '../en.ts'

export const keys: Texts['keys'] = {}
