"""NFStream's own nDPI as a library to build the sensor with.

NFStream's wheel has its engine as a Python extension, _lib_engine, that exports nDPI's functions, and whose cffi tables know nDPI's
structures, enumerations and constants. make() writes what a build needs of it: a header, made from these tables, with prototypes of our
own for the few functions that the sensor calls; the library; and a libndpi.pc that names both.
"""
import ctypes
import importlib.util
import shutil
import subprocess

PROTOTYPES = """
struct ndpi_detection_module_struct;
struct ndpi_global_context;
struct ndpi_flow_input_info;
char *ndpi_revision(void);
uint32_t ndpi_detection_get_sizeof_ndpi_flow_struct(void);
struct ndpi_detection_module_struct *ndpi_init_detection_module(struct ndpi_global_context *context);
ndpi_cfg_error ndpi_set_config(struct ndpi_detection_module_struct *module, const char *protocol, const char *name, const char *value);
int ndpi_finalize_initialization(struct ndpi_detection_module_struct *module);
void ndpi_exit_detection_module(struct ndpi_detection_module_struct *module);
ndpi_protocol ndpi_detection_process_packet(struct ndpi_detection_module_struct *module, struct ndpi_flow_struct *flow,
                                            const unsigned char *packet, unsigned short length, uint64_t milliseconds,
                                            struct ndpi_flow_input_info *information);
ndpi_protocol ndpi_detection_giveup(struct ndpi_detection_module_struct *module, struct ndpi_flow_struct *flow);
ndpi_protocol ndpi_guess_undetected_protocol_v4(struct ndpi_detection_module_struct *module, struct ndpi_flow_struct *flow,
                                                uint8_t protocol, uint32_t source, uint16_t source_port, uint32_t destination,
                                                uint16_t destination_port);
uint8_t ndpi_detection_get_l4(const uint8_t *l3, uint16_t length, const uint8_t **l4, uint16_t *l4_length, uint8_t *protocol,
                              uint32_t flags);
void ndpi_free_flow_data(struct ndpi_flow_struct *flow);
void ndpi_free_flow(struct ndpi_flow_struct *flow);
char *ndpi_protocol2name(struct ndpi_detection_module_struct *module, ndpi_master_app_protocol protocol, char *name, unsigned size);
char *ndpi_get_proto_name(struct ndpi_detection_module_struct *module, uint16_t protocol);
const char *ndpi_category_get_name(struct ndpi_detection_module_struct *module, ndpi_protocol_category_t category);
const char *ndpi_confidence_get_name(ndpi_confidence_t confidence);
unsigned ndpi_get_num_protocols(struct ndpi_detection_module_struct *module);
ndpi_protocol_category_t ndpi_get_proto_category(struct ndpi_detection_module_struct *module, ndpi_protocol protocol);
ndpi_protocol_breed_t ndpi_get_proto_breed(struct ndpi_detection_module_struct *module, uint16_t protocol);
char *ndpi_get_proto_breed_name(ndpi_protocol_breed_t breed);
uint16_t ndpi_risk2score(uint64_t risks, uint16_t *client_score, uint16_t *server_score);
const char *ndpi_http_method2str(ndpi_http_method method);
"""
ENUMERATIONS = ("ndpi_cfg_error", "ndpi_confidence_t", "ndpi_protocol_category_t", "ndpi_protocol_breed_t", "ndpi_risk_enum",
                "ndpi_http_method")
STRUCTURES = ("ndpi_master_app_protocol", "ndpi_protocol", "struct ndpi_flow_struct")
PROTOCOLS = ("UNKNOWN", "TLS", "DTLS", "QUIC", "DHCP", "HTTP", "SSH", "MAIL_SMTPS", "MAIL_IMAPS", "MAIL_POPS")
# The extension expects its interpreter; of that, this one object is looked up when it is loaded, and nothing is called.
INTERPRETER = "char _Py_NoneStruct[256];"


class Header:
    """C text of cffi's types, each definition after those that it needs."""

    def __init__(self, ffi):
        self.ffi, self.lines, self.defined = ffi, [], set()

    def declaration(self, kind, name):
        """A member or variable `name` of this type."""
        if kind.kind == "array":
            return self.declaration(kind.item, f"{name}[{kind.length}]")
        if kind.kind in ("pointer", "function"):
            # The sensor follows no pointer but those to characters.
            return f"{'char' if kind.cname == 'char *' else 'void'} *{name}"
        if kind.kind in ("struct", "union"):
            if "$" in kind.cname:
                return f"{kind.kind} {{\n{self.members(kind)}\n}} {name}"
            self.define(kind)
        elif kind.kind == "enum":
            self.define(kind)
        return f"{kind.cname} {name}"

    def members(self, kind):
        return "\n".join(f"{self.declaration(field.type, name)}{f' : {field.bitsize}' if field.bitsize > 0 else ''};"
                         for name, field in kind.fields)

    def define(self, kind):
        """Defines a structure or enumeration under its name, once."""
        if kind.cname in self.defined:
            return
        self.defined.add(kind.cname)
        body = ", ".join(f"{name} = {value}" for value, name in kind.elements.items()) if kind.kind == "enum" else self.members(kind)
        if kind.cname.startswith(f"{kind.kind} "):
            self.lines.append(f"{kind.cname} {{\n{body}\n}};")
        else:
            self.lines.append(f"typedef {kind.kind} {{\n{body}\n}} {kind.cname};")

    def define_alias(self, name):
        """A type under its name in nDPI's API, and the proof that its layout is the library's."""
        kind = self.ffi.typeof(name)
        self.define(kind)
        if kind.cname != name:
            self.lines.append(f"typedef {kind.cname} {name};")
        if kind.kind == "enum":
            return
        self.lines.append(f'_Static_assert(sizeof({name}) == {self.ffi.sizeof(kind)}, "size");')
        self.lines += [f'_Static_assert(offsetof({name}, {member}) == {field.offset}, "offset");'
                       for member, field in kind.fields if field.bitsize < 0]


def header_text(ffi, lib, revision):
    header = Header(ffi)
    for name in (*ENUMERATIONS, *STRUCTURES):
        header.define_alias(name)
    numbers = dict(zip(("MAJOR", "MINOR", "PATCH"), revision.split("-")[0].split(".")))
    numbers |= {f"PROTOCOL_{name}": getattr(lib, f"NDPI_PROTOCOL_{name}") for name in PROTOCOLS}
    constants = [f"#define NDPI_{name} {value}" for name, value in numbers.items()]
    return "\n".join(["#pragma once", "#include <stddef.h>", "#include <stdint.h>", *constants, *header.lines, PROTOTYPES])


def make(folder):
    """Writes include/ndpi_api.h, lib/ and libndpi.pc below the folder; the library's revision."""
    from _lib_engine import ffi, lib
    engine = importlib.util.find_spec("_lib_engine").origin
    for name in ("include", "lib"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    shutil.copyfile(engine, folder / "lib" / "libndpi.so")
    tell = ctypes.CDLL(engine).ndpi_revision
    tell.restype = ctypes.c_char_p
    revision = tell().decode()
    (folder / "include" / "ndpi_api.h").write_text(header_text(ffi, lib, revision))
    subprocess.run(["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", folder / "lib" / "libinterpreter.so"], input=INTERPRETER.encode(),
                   check=True)
    (folder / "libndpi.pc").write_text(
        f"Name: libndpi\nDescription: nDPI of NFStream\nVersion: {revision.split('-')[0]}\nCflags: -I{folder}/include\n"
        f"Libs: -L{folder}/lib -Wl,-rpath,{folder}/lib -Wl,--allow-shlib-undefined -Wl,--no-as-needed -lndpi -linterpreter -lm\n")
    return revision
