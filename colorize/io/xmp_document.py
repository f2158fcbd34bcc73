"""XMP packets as XML documents: properties read, and the provenance of a result added.

Only well-formed packets without a document type are touched: entities are what hostile XML is
made of, and XMP has no use for them. Whatever else a packet says stays in it.
Source: XMP specification, parts 1 and 2 (ISO 16684-1).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from xml.dom import Node
from xml.dom.minidom import Document, Element, parseString
from xml.parsers import expat

from colorize.io.provenance import CREATOR_TOOL, DIGITAL_SOURCE_TYPE

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
XMP = "http://ns.adobe.com/xap/1.0/"
XMP_MM = "http://ns.adobe.com/xap/1.0/mm/"
EVENT = "http://ns.adobe.com/xap/1.0/sType/ResourceEvent#"
REFERENCE = "http://ns.adobe.com/xap/1.0/sType/ResourceRef#"
IPTC_EXTENSION = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
PREFIXES = {
    RDF: "rdf", XMP: "xmp", XMP_MM: "xmpMM", EVENT: "stEvt", REFERENCE: "stRef",
    IPTC_EXTENSION: "Iptc4xmpExt",
}  # fmt: skip
XMLNS = "http://www.w3.org/2000/xmlns/"

MAX_BYTES = 16 << 20
MAX_ELEMENTS = 100_000
MAX_DEPTH = 64
EMPTY_PACKET = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{RDF}"></rdf:RDF></x:xmpmeta>'
    '<?xpacket end="w"?>'
).encode()


@dataclass(frozen=True)
class Origin:
    """What a packet says of how its picture was made; None where it does not say.

    Attributes:
        instance_id, document_id: of the file.
        source_type: IPTC's digital source type.
        creator_tool: the program.
        derived_from: instance of the file that it was made from.
        parameters: of the last event in its history.
    """

    instance_id: str | None = None
    document_id: str | None = None
    source_type: str | None = None
    creator_tool: str | None = None
    derived_from: str | None = None
    parameters: str | None = None

    @property
    def is_colorized(self) -> bool:
        """Whether the picture is a result of this program."""
        tool = self.creator_tool or ""
        return self.source_type == DIGITAL_SOURCE_TYPE and tool.startswith("colorize ")


def read_origin(xmp: bytes | None) -> Origin:
    """Return what a packet says of its origin, nothing where it cannot be read."""
    try:
        packet = _Packet(xmp) if xmp else None
    except ValueError:
        packet = None
    if packet is None:
        return Origin()
    source, history = packet.element(XMP_MM, "DerivedFrom"), packet.element(XMP_MM, "History")
    lists = [] if history is None else _children(history)
    events = [event for each in lists for event in _children(each)]
    return Origin(
        packet.value(XMP_MM, "InstanceID"),
        packet.value(XMP_MM, "DocumentID"),
        packet.value(IPTC_EXTENSION, "DigitalSourceType"),
        packet.value(XMP, "CreatorTool"),
        None if source is None else _value(source, REFERENCE, "instanceID"),
        _value(events[-1], EVENT, "parameters") if events else None,
    )


def add_provenance(xmp: bytes | None, instance_id: str, source_id: str, parameters: str) -> bytes:
    """Return a packet that also says that the colors are computed.

    Args:
        xmp: the packet of the photograph, None where it has none.
        instance_id: of the file that is written.
        source_id: of the photograph, where the packet does not name it.
        parameters: how the colors were computed, for the history.

    Raises:
        ValueError: for a packet that is not well-formed, too large, or has a document type.
    """
    packet = _Packet(xmp or EMPTY_PACKET)
    before = packet.value(XMP_MM, "InstanceID"), packet.value(XMP_MM, "DocumentID")
    original = packet.value(XMP_MM, "OriginalDocumentID") or before[1]
    for namespace, name in (
        (XMP_MM, "InstanceID"), (XMP_MM, "DocumentID"), (XMP_MM, "OriginalDocumentID"),
        (XMP_MM, "DerivedFrom"), (XMP, "CreatorTool"), (IPTC_EXTENSION, "DigitalSourceType"),
    ):  # fmt: skip
        packet.remove(namespace, name)
    added = packet.add_description()
    _set(added, XMP, "CreatorTool", CREATOR_TOOL)
    _set(added, IPTC_EXTENSION, "DigitalSourceType", DIGITAL_SOURCE_TYPE)
    _set(added, XMP_MM, "InstanceID", instance_id)
    _set(added, XMP_MM, "DocumentID", instance_id.replace("xmp.iid:", "xmp.did:"))
    if original:
        _set(added, XMP_MM, "OriginalDocumentID", original)
    source = _append(added, XMP_MM, "DerivedFrom")
    _set(source, REFERENCE, "instanceID", before[0] or source_id)
    if before[1]:
        _set(source, REFERENCE, "documentID", before[1])
    event = _append(packet.history(added), RDF, "li")
    _set(event, EVENT, "action", "edited")
    _set(event, EVENT, "instanceID", instance_id)
    _set(event, EVENT, "softwareAgent", CREATOR_TOOL)
    _set(event, EVENT, "parameters", parameters)
    return packet.to_bytes()


class _Packet:
    """A packet as a document. Properties may be elements or attributes of any description."""

    def __init__(self, xmp: bytes):
        """Parse a packet. Raises ValueError where that is not safe or not possible."""
        if not xmp.startswith((b"\xff\xfe", b"\xfe\xff")):
            xmp = xmp.strip(b"\0 \t\r\n")
        _check_safe(xmp)
        self.document: Document = parseString(xmp)
        found = self.document.getElementsByTagNameNS(RDF, "RDF")
        if len(found) != 1:
            raise ValueError("it does not contain one rdf:RDF")
        self.rdf: Element = found[0]

    @property
    def descriptions(self) -> list[Element]:
        return [each for each in _children(self.rdf) if _is(each, RDF, "Description")]

    def element(self, namespace: str, name: str) -> Element | None:
        """Return the first element of a property."""
        found = (
            child for each in self.descriptions for child in _children(each)
            if _is(child, namespace, name)
        )  # fmt: skip
        return next(found, None)

    def value(self, namespace: str, name: str) -> str | None:
        """Return the text of a property, None where there is none."""
        values = (_value(each, namespace, name) for each in self.descriptions)
        return next((value for value in values if value), None)

    def remove(self, namespace: str, name: str) -> None:
        """Remove a property from all descriptions."""
        for each in self.descriptions:
            if each.hasAttributeNS(namespace, name):
                each.removeAttributeNS(namespace, name)
            for child in list(_children(each)):
                if _is(child, namespace, name):
                    each.removeChild(child)

    def add_description(self) -> Element:
        """Append and return a description of the same resource, with all prefixes declared."""
        abouts = [each.getAttributeNS(RDF, "about") for each in self.descriptions]
        added = _append(self.rdf, RDF, "Description")
        for namespace, prefix in PREFIXES.items():
            added.setAttributeNS(XMLNS, f"xmlns:{prefix}", namespace)
        _set(added, RDF, "about", next(iter(abouts), ""))
        return added

    def history(self, added: Element) -> Element:
        """Return the list of events, where there is none a new one in a description."""
        history = self.element(XMP_MM, "History")
        lists = [] if history is None else [e for e in _children(history) if _is(e, RDF, "Seq")]
        if lists:
            for namespace in (RDF, EVENT):  # its packet may call them otherwise
                lists[0].setAttributeNS(XMLNS, f"xmlns:{PREFIXES[namespace]}", namespace)
            return lists[0]
        self.remove(XMP_MM, "History")
        return _append(_append(added, XMP_MM, "History"), RDF, "Seq")

    def to_bytes(self) -> bytes:
        """Return the packet, in UTF-8."""
        return "".join(node.toxml() for node in self.document.childNodes).encode("utf-8")


def _check_safe(xmp: bytes) -> None:
    """Raise ValueError for a packet that is not well-formed, too large, or has a DTD."""
    if len(xmp) > MAX_BYTES:
        raise ValueError("it is too large")
    parser = expat.ParserCreate()
    depth = count = 0

    def refuse(*_: object) -> None:
        raise ValueError("it has a document type declaration")

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth, count
        depth, count = depth + 1, count + 1 + len(attributes)
        if depth > MAX_DEPTH or count > MAX_ELEMENTS:
            raise ValueError("it is nested too deeply or too large")

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1

    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler, parser.EndElementHandler = start, end
    try:
        parser.Parse(xmp, True)
    except expat.ExpatError as error:
        raise ValueError("it is not well-formed XML") from error


def _children(element: Element) -> Iterator[Element]:
    return (node for node in element.childNodes if node.nodeType == Node.ELEMENT_NODE)


def _is(element: Element, namespace: str, name: str) -> bool:
    return bool(element.namespaceURI == namespace and element.localName == name)


def _value(element: Element, namespace: str, name: str) -> str | None:
    """Return a simple property of a description or structure, as an attribute or an element."""
    if attribute := element.getAttributeNS(namespace, name):
        return attribute
    for child in _children(element):
        if _is(child, namespace, name):
            return "".join(node.data for node in child.childNodes if node.nodeType == 3).strip()
        if _is(child, RDF, "Description") and (value := _value(child, namespace, name)):
            return value
    return None


def _append(element: Element, namespace: str, name: str) -> Element:
    assert element.ownerDocument is not None
    child = element.ownerDocument.createElementNS(namespace, _qualified(namespace, name))
    element.appendChild(child)
    return child


def _set(element: Element, namespace: str, name: str, value: str) -> None:
    element.setAttributeNS(namespace, _qualified(namespace, name), value)


def _qualified(namespace: str, name: str) -> str:
    return f"{PREFIXES[namespace]}:{name}"
