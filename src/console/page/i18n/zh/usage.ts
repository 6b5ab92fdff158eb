import type { Texts } from '../en.ts'

export const usage: Texts['usage'] = {}
