import { betterCcflare } from './better-ccflare.ts'
import { claudeCodeRouter } from './claude-code-router.ts'
import { cliproxyapi } from './cliproxyapi.ts'
import { litellm } from './litellm.ts'
import { nginx } from './nginx.ts'
import { oneApi } from './one-api.ts'
import { portkey } from './portkey.ts'
import type { Recipe } from './recipe.ts'
import { tributary } from './tributary.ts'

/** The gateways that can be started here. */
export const recipes: readonly Recipe[] = [
  tributary,
  litellm,
  portkey,
  cliproxyapi,
  oneApi,
  claudeCodeRouter,
  betterCcflare,
  nginx,
]
