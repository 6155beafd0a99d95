import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PontoonError } from '../../errors.ts';
import { asGo, CONTAINER } from './go-types.ts';
import { compileTemplate } from './template-run.ts';

const VALUE = {
  Name: '/web',
  State: { Running: true, ExitCode: 0 },
  Config: { Cmd: ['sh', '-c', 'ls'], Labels: { 'a.b': 'x', c: '' }, Env: [] },
  Networks: { front: { IP: '10.1.0.9' }, back: { IP: '10.2.0.9' } },
  Ports: { '80/tcp': [{ HostIp: '0.0.0.0', HostPort: '8080' }], '53/udp': null },
  Label: (name: string) => `<${name}>`,
};

function run(template: string, value: unknown = VALUE): string {
  return compileTemplate(template)(value);
}

describe('what templates print', () => {
  // The right sides are what Go's text/template prints with Docker's functions.
  test.each([
    ['plain', 'plain'],
    ['{{.Name}}', '/web'],
    ['{{ .State.Running }} {{.State.ExitCode}}', 'true 0'],
    ['{{.}}', 'end'],
    ['{{json .State}}', '{"Running":true,"ExitCode":0}'],
    ['{{json "<a&b>"}}', String.raw`"\u003ca\u0026b\u003e"`],
    ['{{.Config.Cmd}}', '[sh -c ls]'],
    ['{{.Config.Labels}}', 'map[a.b:x c:]'],
    ['{{.Ports}}', 'map[53/udp:<nil> 80/tcp:[{0.0.0.0 8080}]]'],
    ['{{index .Config.Labels "a.b"}}', 'x'],
    ['{{(index (index .Ports "80/tcp") 0).HostPort}}', '8080'],
    ['{{index .Config.Cmd 1}}', '-c'],
    ['{{join .Config.Cmd "+"}} {{.Config.Cmd | len}}', 'sh+-c+ls 3'],
    ['{{.Name | upper | printf "%q"}}', '"/WEB"'],
    ['{{title "two words"}} {{lower "ABC"}} {{truncate "abcdef" 3}} {{pad "x" 1 2}}|', 'Two Words abc abc  x  |'],
    ['{{split "a,b" ","}}', '[a b]'],
    ['{{slice "abcdef" 1 3}}', 'bc'],
    ['{{range .Config.Cmd}}[{{.}}]{{end}}', '[sh][-c][ls]'],
    ['{{range $i, $word := .Config.Cmd}}{{$i}}={{$word}} {{end}}', '0=sh 1=-c 2=ls '],
    ['{{range $name, $net := .Networks}}{{$name}} {{$net.IP}};{{end}}', 'back 10.2.0.9;front 10.1.0.9;'],
    ['{{range .Config.Env}}x{{else}}none{{end}}', 'none'],
    ['{{range .Config.Cmd}}{{if eq . "-c"}}{{continue}}{{end}}{{.}}{{end}}', 'shls'],
    ['{{range .Config.Cmd}}{{.}}{{if eq . "-c"}}{{break}}{{end}}{{end}}', 'sh-c'],
    ['{{range .Config.Cmd}}{{$.Name}}{{end}}', '/web/web/web'],
    ['{{if .State.Running}}up{{else}}down{{end}}', 'up'],
    ['{{if .Config.Env}}a{{else if .State.ExitCode}}b{{else}}c{{end}}', 'c'],
    ['{{if and .State.Running (ne .State.ExitCode 1)}}yes{{end}}', 'yes'],
    ['{{with .State}}{{.ExitCode}}{{end}}{{with .Config.Env}}x{{else}}y{{end}}', '0y'],
    ['{{$x := .Name}}{{$x = "new"}}{{$x}}', 'new'],
    ['{{or "" "b"}}{{and 1 0}}{{not true}}{{lt 1 2}}{{ge 2 3}}', 'b0falsetruefalse'],
    ['{{eq "a" "b" "a"}}', 'true'],
    ['a {{- "b" -}} c', 'abc'],
    ['{{/* nothing */}}x{{- /* nor this */ -}} y', 'xy'],
    ['{{"quoted }} \\"text\\" \\t"}}{{`raw "`}}', 'quoted }} "text" \traw "'],
    ['{{print "a" 1}}{{println "b"}}', 'a 1b\n'],
    ['{{printf "%-5s|%5s|%03d|%v|%%" "a" "b" 7 true}}', 'a    |    b|007|true|%'],
    ['{{.Label "a"}} {{"b" | .Label}}', '<a> <b>'],
    ['{{true}} {{nil | json}} {{-3}}', 'true null -3'],
  ])('%s', (template, expected) => {
    expect(run(template, template === '{{.}}' ? 'end' : VALUE)).toBe(expected);
  });

  test('numbers that JavaScript cannot hold', () => {
    expect(run('{{.N}} {{json .}}', { N: 1_795_242_775_896_812_711n })).toBe(
      '1795242775896812711 {"N":1795242775896812711}',
    );
  });
});

describe('what the JSON of a container leaves out, or has as null', () => {
  const container = asGo(
    {
      Id: 'abc',
      State: { Running: true },
      HostConfig: { Binds: null, CpuShares: 5, NanoCpus: 7, PortBindings: {}, OomKillDisable: null },
      Config: { Labels: { a: 'b' }, Env: null },
      Mounts: [{ Type: 'bind', Source: '/a', Destination: '/b', Mode: '', RW: true, Propagation: 'rprivate' }],
      NetworkSettings: { Networks: { front: { IPAddress: '10.1.0.9', Links: null } } },
    },
    CONTAINER,
  );

  // The right sides are what docker 28 prints.
  test.each([
    ['{{if .State.Health}}{{.State.Health.Status}}{{else}}none{{end}} {{.State.Health}}', 'none <nil>'],
    ['{{if and .State.Health (eq .State.Health.Status "healthy")}}a{{else}}b{{end}}', 'b'],
    ['{{if or (not .State.Health) (eq .State.Health.Status "healthy")}}a{{end}}', 'a'],
    [
      '{{.Config.ExposedPorts}} {{.Config.Healthcheck}} {{.HostConfig.Tmpfs}} {{.HostConfig.Mounts}}',
      'map[] <nil> map[] []',
    ],
    ['{{.HostConfig.Init}} [{{.Config.StopSignal}}] {{eq .HostConfig.Init nil}}', '<nil> [] true'],
    ['{{.HostConfig.Binds}} {{json .HostConfig.Binds}} {{len .HostConfig.Binds}}', '[] null 0'],
    ['{{range .HostConfig.Binds}}x{{else}}y{{end}} {{join .Config.Env ","}}|', 'y |'],
    ['{{json .Config}}', '{"Env":null,"Labels":{"a":"b"}}'],
    ['{{index .Config.Labels "a"}} {{index .Config.Labels "x"}}|{{.Config.Labels.x}}', 'b |<no value>'],
    ['{{.NetworkSettings.Networks.nix.IPAddress}} {{index .NetworkSettings.Networks "nix"}}', '<no value> <nil>'],
    ['{{index .HostConfig.PortBindings "80/tcp"}}', '<no value>'],
    [
      '{{range $name, $net := .NetworkSettings.Networks}}{{$name}} {{$net.IPAddress}} {{$net.Links}}{{end}}',
      'front 10.1.0.9 []',
    ],
    ['{{.ID}} {{.Id}} {{.HostConfig.CPUShares}} {{.HostConfig.NanoCPUs}}', 'abc abc 5 7'],
    ['{{.Mounts}}', '[{bind  /a /b   true rprivate}]'],
    ['{{.State}} {{.Config.Labels}}', '{true <nil>} map[a:b]'],
  ])('%s', (template, expected) => {
    expect(run(template, container)).toBe(expected);
  });

  test.each([
    ['{{.Nix}}', 'there is no field Nix'],
    ['{{.name}}', 'there is no field name'],
    ['{{.Config.ExposedPort}}', 'there is no field ExposedPort'],
    ['{{.State.Health.Status}}', 'nothing has a field Status there'],
    ['{{(index .NetworkSettings.Networks "nix").IPAddress}}', 'nothing has a field IPAddress there'],
  ])('%s', (template, why) => {
    expect(() => run(template, container)).toThrow(why);
  });
});

describe('what templates refuse', () => {
  test.each([
    ['{{', 'an action is not closed with }}'],
    ['{{.Name', 'an action is not closed with }}'],
    ['{{if .Name}}', 'an {{end}} is missing'],
    ['{{end}}', 'there is nothing for {{end}} to end'],
    ['{{else}}', 'there is nothing for {{else}} to end'],
    ['{{.Nix}}', 'there is no field Nix'],
    ['{{.Name.Nix}}', 'nothing has a field Nix there'],
    ['{{nix}}', 'there is no function nix'],
    ['{{$nix}}', 'there is no variable $nix'],
    ['{{.Name .Name | }}', 'a value is missing'],
    ['{{(.Name}}', 'a ) is missing'],
    ['{{.Name)}}', "unexpected ')'"],
    ['{{#}}', "cannot read '#'"],
    ['{{index .Config.Cmd 9}}', 'index: index 9 is out of range'],
    ['{{range .Name}}{{end}}', '{{range}} needs a list or a map'],
    ['{{lt 1 "a"}}', 'lt: cannot compare 1 with a'],
  ])('%s', (template, why) => {
    expect(() => run(template)).toThrow(
      expect.objectContaining({ code: 'bad-value', message: `cannot use the template '${template}': ${why}` }),
    );
  });

  test('anything else that is wrong, with an error of their own', () => {
    const part = fc.constantFrom(
      '{{',
      '}}',
      '.',
      'Name',
      ' ',
      '"',
      '`',
      '$x',
      ':=',
      'if',
      'range',
      'end',
      'else',
      '|',
      '(',
      ')',
      '-',
      'x',
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 12 }), (parts) => {
        try {
          run(parts.join(''));
        } catch (error) {
          expect(PontoonError.is(error, 'bad-value')).toBe(true);
        }
      }),
    );
  });
});
