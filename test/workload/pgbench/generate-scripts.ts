import { Random } from '../../../src/kernel/random.ts';

/** Seeded scripts of statements that any server accepts, cut and quoted in every way that the scanner knows. */
export function makeScript(seed: number, { compound }: { compound: boolean }): string {
  const random = new Random(seed);
  const of = <T>(items: readonly T[]): T => items[random.integer(0, items.length - 1)] as T;
  const end = (): string =>
    of([';\n', ';', ' ;\n\n', '; -- the end; of it\n', ';\n-- note :a\n', ' /* ; */;\n']);
  const fragments: (() => string)[] = [
    () => `select ${random.integer(0, 99)}${end()}`,
    () => `\\set a random(1, ${random.integer(1, 1000)})\n`,
    () => `\\set b ${of(['1.5', 'true', ':a * 2.5', 'null', '-3', 'debug(:a)'])} \n`,
    () => `select :a::int, ${of(['(:b)::text', '1', "'x'"])}${end()}`,
    () => `select ';', '''; ', ";" from (select 1 as ";") s${end()}`,
    () => `select E'\\'; ', e'\\\\', E'a'\n  'b\\'; '${end()}`,
    () => `select $$;$$, $x$ $$; $y$ $x$, n';', U&'\\0041;'${end()}`,
    () => `select /* a /* ; */ ; **/ 1 -- ; \\\n + 2${end()}`,
    () => `select (1 + (2)), a.b from (values (1)) as a(b)${end()}`,
    () =>
      `create or replace function pg_temp.f${random.integer(0, 3)}() returns int language sql begin atomic select 1; select case when true then 2 end; end${end()}`,
    () =>
      `\\if ${of(['true', 'false', ':a > 500', 'null', '0', '2.5'])}\nselect 'then'${end()}${of(['', `\\elif :a % 2 = 0\nselect 'elif'${end()}`])}${of(['', "\\else\nselect 'else';\n"])}\\endif\n`,
    () =>
      `select ${random.integer(1, 9)} as g, 'it''s' as h, null as i${of([' ', ';\n'])}\\gset ${of(['', 'p_'])}\n`,
    () => `\\set c :p_g + 1\nselect :c, :g${end()}`,
    () => `select 1 as q\\\nselect 2 as q\\\n`,
    () => `begin${end()}select 3${end()}${of(['commit', 'rollback', 'end'])}${end()}`,
    () => `;`,
    () => `\\sleep ${of(['1 us', '10us', '1 ms', '0'])}\n`,
    () => `select 7 /* :: */ :: int${end()}`,
    () => `\\set \\\n d \\\n :a + \\\n 1\nselect :d${end()}`,
  ];
  const several: (() => string)[] = [
    () => `select 1 as q \\; select 2 as g \\; select 3 as g${of([' ', ';\n'])}\\aset\n`,
    () => `begin \\; select :a \\; commit${end()}`,
    () =>
      `select ':a', :unknown_, 1 from (select 2 as unknown_) s where false${end()}`.replace(
        ':unknown_',
        'unknown_',
      ),
    () => `select 4 \\; select 5 as g \\gset\nselect :g${end()}`,
    () => `select ':p_g', '{:b}', 'at 12:30', $$:a$$${end()}`,
  ];
  const pipelined: (() => string)[] = [
    () => `\\startpipeline\nselect :a::int${end()}\\set a :a + 1\nselect :a::int, 2${end()}\\endpipeline\n`,
    () => `\\if :a > 1\n\\startpipeline\nselect 'piped'${end()}\\endpipeline\n\\endif\n`,
  ];
  const usable = [...fragments, ...(compound ? several : pipelined)];
  const head = '\\set a 1\n\\set b 2\nselect 5 as g, 6 as h \\gset\nselect 5 as g \\gset p_\nselect 0;\n';
  return head + Array.from({ length: random.integer(3, 14) }, () => of(usable)()).join('');
}

/** Pieces of quotes, comments, words and commands thrown together: what counts is where statements begin and end. */
export function makeSplitting(seed: number): string {
  const random = new Random(seed);
  const pieces = [
    ...`' " $$ $a$ E' /* U&" '' "" ';' ";" $$;$$ $a$;$$$a$ E'\\';' e'\\\\' U&';' n';' x'1;' '\\'`.split(' '),
    ...`/*;*/ /*/*;*/*/ /**/ -- -- --; $1 $1e';' $ ( ) ) ((1)) (;) ; ; ; ; ; \\; \\: : :: :a :a$b$;$b$`.split(
      ' ',
    ),
    ...`:{?a} ::{?b} :'a' :"a" := 1 1e 1e';' 1..2 1e- 1.e'\\' 2.5x 2.5 a$b _e';' a.b + - /- *- --x =- */`.split(
      ' ',
    ),
    ...'create or replace function procedure begin end case atomic select'.split(' '),
    'create function',
    'create or replace procedure',
    '\n',
    '\n',
    '\r\n',
    '\t',
    "'a'\n'b\\'",
    "e'a' -- c\n  'b\\''",
    '\\set v 1\n',
    '\\sleep 1 ms\n',
    '\\\n',
    '\\set \\\n w \\\r\n 1\n',
  ];
  const length = random.integer(1, 40);
  return Array.from(
    { length },
    () => (pieces[random.integer(0, pieces.length - 1)] as string) + (random.unit() < 0.6 ? ' ' : ''),
  ).join('');
}
