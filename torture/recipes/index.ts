import type { Recipe } from './recipe.ts'
import { tributary } from './tributary.ts'

/** The gateways that can be started here. */
export const recipes: readonly Recipe[] = [tributary]
