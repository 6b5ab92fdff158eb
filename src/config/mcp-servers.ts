import { z } from 'zod'
import { isHeader } from './is-header.ts'

const Word = z.union([z.string(), z.number(), z.boolean()]).transform(String)

const Flag = z.union([z.boolean(), z.stringbool()])

/** A server in `MCP_SERVERS`. */
export const ServerEntry = z.looseObject({
  type: z.enum(['stdio', 'http', 'streamable-http', 'streamableHttp', 'sse']).optional(),
  disabled: Flag.nullish(),
  enabled: Flag.nullish(),
  command: z.string().min(1).optional(),
  args: z.array(Word).optional(),
  env: z.record(z.string().regex(/^[^=\0]+$/), Word).optional(),
  cwd: z.string().min(1).optional(),
  url: z.string().optional(),
  headers: z
    .record(z.string(), Word)
    .superRefine((headers, context) => {
      const wrong = Object.entries(headers).find(([name, value]) => !isHeader(name, value))
      if (wrong) context.addIssue({ code: 'custom', path: [wrong[0]] })
    })
    .optional(),
})
export type ServerEntry = z.infer<typeof ServerEntry>

/** The usual form of a list of MCP servers. */
export const ServerList = z.looseObject({ mcpServers: z.record(z.string(), z.unknown()) })
