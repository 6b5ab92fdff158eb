/** Paths of 24 by 24, drawn with a line. */
const paths = {
  home: 'M4 11l8-7 8 7v9h-5v-6H9v6H4z',
  upstreams: 'M5 4c0 6 7 4 7 11v5M19 4c0 6-7 4-7 11M12 4v6',
  requests: 'M4 7h10M4 12h16M4 17h7M17 15l3 2-3 2',
  usage: 'M5 20V11M12 20V4M19 20v-6',
  keys: 'M14 10a4 4 0 1 1-1.2-2.8L20 4M17 5.5l2 2.5',
  try: 'M4 5h16v11H9l-5 4z',
  tools: 'M14 6a4 4 0 0 0 5 5l-8.5 8.5a2 2 0 0 1-3-3L16 8M14 6l2-2',
  connect: 'M9 7V3M15 7V3M7 7h10v4a5 5 0 0 1-10 0zM12 16v5',
  api: 'M8 7l-5 5 5 5M16 7l5 5-5 5M14 5l-4 14',
  settings:
    'M12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM12 3v3M12 18v3M3 12h3M18 12h3M5.6 5.6l2 2M16.4 16.4l2 2M18.4 5.6l-2 2M7.6 16.4l-2 2',
  ok: 'M5 13l4 4L19 7',
  warning: 'M12 4l9 16H3zM12 10v4M12 17v.5',
  close: 'M6 6l12 12M18 6L6 18',
  copy: 'M9 9h11v11H9zM5 15H4V4h11v1',
  menu: 'M4 7h16M4 12h16M4 17h16',
  stop: 'M7 7h10v10H7z',
  plus: 'M12 5v14M5 12h14',
  search: 'M11 5a6 6 0 1 0 0 12 6 6 0 0 0 0-12zM15.5 15.5L20 20',
  refresh: 'M19 8a8 8 0 1 0 1 6M19 4v4.5h-4.5',
  pause: 'M9 6v12M15 6v12',
  play: 'M8 5l11 7-11 7z',
  trash: 'M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13M10.5 11v5M13.5 11v5',
  edit: 'M4 20l1-4L16 5l3 3L8 19zM14 7l3 3',
  next: 'M9 5l7 7-7 7',
  down: 'M5 9l7 7 7-7',
  note: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 11v6M12 7v.5',
  urgent: 'M8 3h8l5 5v8l-5 5H8l-5-5V8zM12 8v5M12 16v.5',
  clock: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 7v5l3 2',
  sun: 'M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.4 1.4M17.6 17.6L19 19M19 5l-1.4 1.4M6.4 17.6L5 19',
  moon: 'M20 14A8.5 8.5 0 0 1 10 4a8.5 8.5 0 1 0 10 10z',
  screen: 'M3 5h18v11H3zM9 20h6M12 16v4',
  exit: 'M14 4h5v16h-5M4 12h10M10 8l4 4-4 4',
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
