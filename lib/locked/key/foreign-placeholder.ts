/** How other languages and libraries write a placeholder. */
const NOTATIONS: readonly RegExp[] = [
  // A template literal in plain quotes; Spring.
  /[$#]\{[^}]*\}?/,
  // {id}, {0}, {{id}}
  /\{\{?[\w.[\]]+\}?\}/,
  // Express: `:id` where an id is named, or where it has a place of its own; `reports:hourly` is a key.
  /(?<=^|[/:]):[A-Za-z_]\w*/,
  /:(?:id|uuid|[a-z]\w*(?:Id|Uuid))\b/,
];

/** What looks like a placeholder of another notation in a template; undefined when nothing does. */
export function foreignPlaceholder(template: string): string | undefined {
  // Ours stand for text that is none of these.
  const text = template.replace(/<[^>]*>/g, '\0');
  for (const notation of NOTATIONS) {
    const [found] = notation.exec(text) ?? [];
    if (found !== undefined) return found.replaceAll('\0', '<…>');
  }
  return undefined;
}
