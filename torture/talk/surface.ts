/** The three surfaces that gateways offer, and the three dialects that upstreams speak. */
export const surfaces = ['chat', 'responses', 'messages'] as const
export type Surface = (typeof surfaces)[number]

export const isSurface = (name: string): name is Surface => surfaces.some((surface) => surface === name)

export const pathOf = {
  chat: '/v1/chat/completions',
  responses: '/v1/responses',
  messages: '/v1/messages',
} as const satisfies Record<Surface, string>

export const surfaceOfPath = (path: string): Surface | undefined =>
  surfaces.find((surface) => path.endsWith(pathOf[surface].slice('/v1'.length)))
