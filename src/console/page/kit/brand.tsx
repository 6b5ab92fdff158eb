/** The sign of the program: three streams that become one. */
export function Brand() {
  return (
    <svg class="brand-sign" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d="M4 3c0 7 8 6 8 14" />
      <path d="M20 3c0 7-8 6-8 14" />
      <path d="M12 3v18" />
    </svg>
  )
}
