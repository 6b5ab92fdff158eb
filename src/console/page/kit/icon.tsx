/** Paths of 24 by 24, drawn with a line. */
const paths = {
  home: 'M4 11l8-7 8 7v9h-5v-6H9v6H4z',
  upstreams: 'M4 6h16M4 12h16M4 18h16M8 6v0M14 12v0M10 18v0',
  requests: 'M4 7h10M4 12h16M4 17h7M17 15l3 2-3 2',
  usage: 'M5 20V11M12 20V4M19 20v-6',
  keys: 'M14 10a4 4 0 1 1-1.2-2.8L20 4M17 5.5l2 2.5',
  try: 'M4 5h16v11H9l-5 4z',
  tools: 'M14 6a4 4 0 0 0 5 5l-8.5 8.5a2 2 0 0 1-3-3L16 8M14 6l2-2',
  connect: 'M9 7V3M15 7V3M7 7h10v4a5 5 0 0 1-10 0zM12 16v5',
  settings:
    'M12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM12 3v3M12 18v3M3 12h3M18 12h3M5.6 5.6l2 2M16.4 16.4l2 2M18.4 5.6l-2 2M7.6 16.4l-2 2',
  ok: 'M5 13l4 4L19 7',
  warning: 'M12 4l9 16H3zM12 10v4M12 17v.5',
  close: 'M6 6l12 12M18 6L6 18',
  copy: 'M9 9h11v11H9zM5 15H4V4h11v1',
  menu: 'M4 7h16M4 12h16M4 17h16',
  stop: 'M7 7h10v10H7z',
  plus: 'M12 5v14M5 12h14',
  external: 'M14 4h6v6M20 4l-9 9M18 14v6H4V6h6',
} as const

export type IconName = keyof typeof paths

/** A decoration: the text beside it says the same. */
export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={paths[name]} />
    </svg>
  )
}
